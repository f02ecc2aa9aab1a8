//! What of TRIPOD+AI the report answers.

use super::page::escape;
use crate::evaluation::EvaluationReport;
use crate::tripod::{Answered, items};
use std::fmt::Write;

pub(super) fn section(report: &EvaluationReport) -> String {
    let items = items(report);
    let here = items.iter().filter(|i| i.answered == Answered::Here).count();
    let part = items.iter().filter(|i| i.answered == Answered::InPart).count();
    let mut html = format!(
        r#"<section aria-labelledby="tripod-h"><h2 id="tripod-h">TRIPOD+AI</h2><p>Of the {} lines of the guideline for reporting prediction models (Collins et al., BMJ 2024;385:e078378) this report answers {here} and {part} in part. What it can't know is for those who publish it.</p><details><summary>Item by item</summary><div class="scroll"><table><thead><tr><th scope="col">Item</th><th scope="col">Asks for</th><th scope="col">Answered</th><th scope="col">Where, or what is left</th></tr></thead><tbody>"#,
        items.len()
    );
    for item in items {
        let answered = match item.answered {
            Answered::Here => "here",
            Answered::InPart => "in part",
            Answered::NotEvidenced => "not evidenced",
        };
        let _ = write!(
            html,
            r#"<tr><th scope="row">{}</th><td>{}</td><td>{answered}</td><td>{}</td></tr>"#,
            item.number,
            escape(item.asks),
            escape(&item.told)
        );
    }
    html.push_str("</tbody></table></div></details></section>");
    html
}
