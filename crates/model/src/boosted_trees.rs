//! Gradient-boosted trees by themselves, on rows of numbers of any origin: the baseline that a model of records has to
//! beat. The trees are those of a stack ([`crate::Readout`]).

use crate::error::{Error, Result};
use crate::readout::{Binned, Member, ReadoutOptions, Table, boosted, deal, sigmoid};

/// Most numbers in a table of rows: 400 MB, and about as much again for its bins and sums.
pub const MOST_NUMBERS: usize = 100_000_000;

/// Trees that were fitted to labels.
#[derive(Clone, Debug, PartialEq)]
pub struct BoostedTrees {
    member: Member,
    width: usize,
    /// How many, as cross-validation chose.
    pub trees: usize,
    /// Of each row, from trees that had not seen its subject.
    pub out_of_fold: Vec<f64>,
}

/// What trees are fitted to.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// `[rows, width]`, NaN where missing.
    pub matrix: &'a [f32],
    /// Numbers in a row.
    pub width: usize,
    /// Of each row.
    pub labels: &'a [bool],
    /// Of each row, above 0: such as inverse probabilities of being uncensored.
    pub weights: &'a [f32],
    /// Whose row it is: a subject's rows stay on one side in cross-validation.
    pub subjects: &'a [i64],
}

impl BoostedTrees {
    /// Fits trees to the logistic loss; how many is decided by cross-validation over subjects. Of the options `folds`,
    /// `boosted_trees`, `leaves`, `shrinkage`, `seed` and `threads` count.
    ///
    /// # Errors
    /// [`Error::Options`]; [`Error::Data`] when lengths differ, a weight is no positive number, there are more numbers than
    /// [`MOST_NUMBERS`], or a fold would lack one of the two labels.
    pub fn fit(rows: Rows<'_>, options: &ReadoutOptions) -> Result<Self> {
        options.validate()?;
        let Rows { matrix, width, labels, weights, subjects } = rows;
        let n = labels.len();
        if width == 0 || matrix.len() != n * width || weights.len() != n || subjects.len() != n {
            return Err(Error::Data(
                "each row needs as many numbers, a label, a weight and a subject".into(),
            ));
        }
        if matrix.len() > MOST_NUMBERS {
            return Err(Error::Data(format!("at most {MOST_NUMBERS} numbers; take fewer rows or columns")));
        }
        if !weights.iter().all(|w| w.is_finite() && *w > 0.0) {
            return Err(Error::Data("each weight must be a number above 0".into()));
        }
        let folds = deal(subjects, labels, options)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .build()
            .map_err(|e| Error::Options(format!("threads: {e}")))?;
        let table = Table { matrix, width, labels, weights, folds: &folds, options };
        let fitted = pool.install(|| boosted(&table, &Binned::new(matrix, width)));
        Ok(BoostedTrees {
            member: fitted.member,
            width,
            trees: fitted.chosen as usize,
            out_of_fold: fitted.out_of_fold.into_iter().map(sigmoid).collect(),
        })
    }

    /// The probability of a row of as many numbers as were fitted to.
    ///
    /// # Errors
    /// [`Error::Data`] with another number of numbers.
    pub fn probability(&self, row: &[f32]) -> Result<f64> {
        if row.len() != self.width {
            return Err(Error::Data(format!("{} numbers were fitted to, not {}", self.width, row.len())));
        }
        Ok(sigmoid(self.member.logit(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn options() -> ReadoutOptions {
        ReadoutOptions { boosted_trees: 300, shrinkage: 0.1, ..ReadoutOptions::default() }
    }

    /// 2,000 rows of three numbers; the risk is 0.8 where the first two are on one side, 0.1 elsewhere; the third tells
    /// nothing; some are missing.
    fn table() -> (Vec<f32>, Vec<bool>, Vec<i64>) {
        let (mut matrix, mut labels) = (vec![], vec![]);
        for row in 0..2000u64 {
            let u = |k: u64| random::uniform(random::mix(row), k);
            let (a, b) = (u(0) > 0.5, u(1) > 0.5);
            matrix.extend([u(0) as f32, u(1) as f32, if u(3) < 0.1 { f32::NAN } else { u(2) as f32 }]);
            labels.push(u(4) < if a == b { 0.8 } else { 0.1 });
        }
        (matrix, labels, (0..1000).flat_map(|s| [s, s]).collect())
    }

    #[test]
    fn an_interaction_is_found_and_the_risks_are_right() {
        let (matrix, labels, subjects) = table();
        let rows =
            Rows { matrix: &matrix, width: 3, labels: &labels, weights: &[1.0; 2000], subjects: &subjects };
        let trees = BoostedTrees::fit(rows, &options()).unwrap();
        let at = |row: [f32; 3]| trees.probability(&row).unwrap();
        assert!((at([0.2, 0.2, 0.5]) - 0.8).abs() < 0.1 && (at([0.8, 0.2, 0.5]) - 0.1).abs() < 0.1);
        assert!(trees.probability(&[0.1]).is_err());
        // On rows left out the mean risk is the prevalence.
        let mean = trees.out_of_fold.iter().sum::<f64>() / 2000.0;
        let prevalence = labels.iter().filter(|l| **l).count() as f64 / 2000.0;
        assert!((mean - prevalence).abs() < 0.02);
    }

    #[test]
    fn a_weight_of_two_is_as_good_as_a_row_twice() {
        let (matrix, labels, subjects) = table();
        let weights: Vec<f32> = labels.iter().map(|l| if *l { 3.0 } else { 1.0 }).collect();
        let rows =
            Rows { matrix: &matrix, width: 3, labels: &labels, weights: &weights, subjects: &subjects };
        let trees = BoostedTrees::fit(rows, &options()).unwrap();
        // Odds of 0.8 and of 0.1, threefold.
        assert!((trees.probability(&[0.2, 0.2, 0.5]).unwrap() - 12.0 / 13.0).abs() < 0.06);
        assert!((trees.probability(&[0.8, 0.2, 0.5]).unwrap() - 0.25).abs() < 0.12);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fit = |matrix: &[f32], labels: &[bool], weights: &[f32]| {
            let subjects: Vec<i64> = (0..labels.len() as i64).collect();
            BoostedTrees::fit(Rows { matrix, width: 1, labels, weights, subjects: &subjects }, &options())
        };
        assert!(fit(&[1.0; 9], &[true; 10], &[1.0; 10]).is_err());
        assert!(fit(&[1.0; 10], &[true; 10], &[1.0; 10]).is_err(), "one label alone");
        let half: Vec<bool> = (0..10).map(|i| i % 2 == 0).collect();
        assert!(fit(&[1.0; 10], &half, &[f32::NAN; 10]).is_err());
        assert!(fit(&[f32::NAN; 10], &half, &[1.0; 10]).is_ok());
    }
}
