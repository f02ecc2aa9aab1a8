//! The labels of an ACES task on a MEDS data set, as `subject_id,prediction_time,boolean_value` with times in
//! microseconds: `cargo run -p evaluate --example labels -- EVENTS TASK.yaml [PREDICATES.yaml]`. To compare with other
//! software; `osler label` is the door for use.

use evaluate::tasks::AcesTask;
use events::{Split, meds};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [events, task, predicates @ ..] = arguments.as_slice() else {
        return Err("give EVENTS and TASK.yaml".into());
    };
    let predicates = predicates.first().map(std::fs::read_to_string).transpose()?;
    let task = AcesTask::parse(&std::fs::read_to_string(task)?, predicates.as_deref())?;
    for split in Split::ALL {
        for subject in meds::read_subjects(Path::new(events), split)? {
            for label in task.labels(&subject?) {
                println!("{},{},{}", label.subject_id, label.prediction_time.micros(), label.boolean_value);
            }
        }
    }
    Ok(())
}
