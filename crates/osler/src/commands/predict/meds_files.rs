//! Predictions as MEDS's own tools want them: a file per task and horizon, with MEDS's columns alone.

use anyhow::{Context, Result};
use events::Prediction;
use events::meds;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Writes `DIR/TASK_HORIZON.parquet` for each task and horizon; rows whose outcome isn't known are left out, since MEDS's
/// labels are never unknown. Gives the number of files.
pub(super) fn write(predictions: &[Prediction], dir: &Path) -> Result<usize> {
    std::fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut by_question: BTreeMap<(SmolStr, u32), Vec<&Prediction>> = BTreeMap::new();
    for p in predictions.iter().filter(|p| p.boolean_value.is_some()) {
        by_question.entry((p.task.clone(), p.horizon_days.to_bits())).or_default().push(p);
    }
    let mut used = HashSet::new();
    for ((task, bits), rows) in &by_question {
        let base = name(task, f32::from_bits(*bits));
        let mut unique = base.clone();
        let mut again = 1;
        while !used.insert(unique.clone()) {
            again += 1;
            unique = format!("{base}-{again}");
        }
        meds::write_meds_predictions(&dir.join(format!("{unique}.parquet")), rows)?;
    }
    Ok(by_question.len())
}

/// `ICD10CM__I50.9_365d`: what a file system takes anywhere.
fn name(task: &str, horizon_days: f32) -> String {
    let safe: String = task
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' })
        .take(120)
        .collect();
    if horizon_days > 0.0 { format!("{safe}_{horizon_days:.0}d") } else { safe }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_safe_and_tell_the_horizon() {
        assert_eq!(name("ICD10CM//I50.9", 365.25), "ICD10CM__I50.9_365d");
        assert_eq!(name("../../etc/passwd", 0.0), ".._.._etc_passwd");
    }
}
