//! Train, tuning and held-out subjects, by keyed hash: stable when data is added.

use std::{fmt, str::FromStr};

/// Which part of the data a subject belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Fitted on.
    Train,
    /// Chosen on (early stopping, settings).
    Tuning,
    /// Measured on, once.
    HeldOut,
}

impl Split {
    /// All of them, in flow order.
    pub const ALL: [Split; 3] = [Split::Train, Split::Tuning, Split::HeldOut];

    /// MEDS's name: `train`, `tuning`, `held_out`.
    pub const fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Tuning => "tuning",
            Split::HeldOut => "held_out",
        }
    }

    /// The split of a subject under a 32-byte split key: a pure function of both, so that a subject keeps its
    /// split when others come and go.
    pub fn of(subject_id: i64, fractions: SplitFractions, key: &[u8; 32]) -> Split {
        let hash = blake3::keyed_hash(key, &subject_id.to_le_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.as_bytes()[..8]);
        let uniform = (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64;
        if uniform < fractions.train {
            Split::Train
        } else if uniform < fractions.train + fractions.tuning {
            Split::Tuning
        } else {
            Split::HeldOut
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Split {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Split::ALL
            .into_iter()
            .find(|split| split.name() == s)
            .ok_or_else(|| format!("unknown split {s:?}; known are train, tuning and held_out"))
    }
}

/// How much of the subjects goes where; what remains is held out.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SplitFractions {
    /// Share of `train`.
    pub train: f64,
    /// Share of `tuning`.
    pub tuning: f64,
}

impl Default for SplitFractions {
    fn default() -> Self {
        SplitFractions { train: 0.8, tuning: 0.1 }
    }
}

impl FromStr for SplitFractions {
    type Err = String;
    /// `0.8,0.1,0.1`: train, tuning and held out, summing to 1.
    fn from_str(s: &str) -> Result<Self, String> {
        let parts: Vec<f64> = s
            .split(',')
            .map(|p| p.trim().parse::<f64>().map_err(|_| format!("not three numbers: {s:?}")))
            .collect::<Result<_, _>>()?;
        match parts[..] {
            [train, tuning, held_out]
                if [train, tuning, held_out].iter().all(|p| (0.0..=1.0).contains(p))
                    && (train + tuning + held_out - 1.0).abs() < 1e-9 =>
            {
                Ok(SplitFractions { train, tuning })
            }
            _ => Err(format!(
                "want train,tuning,held_out between 0 and 1 with sum 1, such as 0.8,0.1,0.1; got {s:?}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_out_and_a_subject_keeps_its_split() {
        let fractions: SplitFractions = "0.7,0.1,0.2".parse().unwrap();
        let key = [7; 32];
        let mut counts = [0usize; 3];
        for id in 0..20_000 {
            counts[Split::of(id, fractions, &key) as usize] += 1;
        }
        for (count, want) in counts.iter().zip([0.7, 0.1, 0.2]) {
            assert!((*count as f64 / 20_000.0 - want).abs() < 0.015, "{counts:?}");
        }
        assert_eq!(Split::of(5, fractions, &key), Split::of(5, fractions, &key));
        assert!("0.7,0.7,0.1".parse::<SplitFractions>().is_err());
    }
}
