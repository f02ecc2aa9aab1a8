//! The picture of a training run: one panel a part of the loss, and the learning rate.

use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::Path;

/// One panel's numbers by step.
#[derive(Default)]
pub struct Panel {
    /// What is drawn.
    pub title: &'static str,
    /// On the batches of training.
    pub training: Vec<(f64, f64)>,
    /// On the tuning split.
    pub tuning: Vec<(f64, f64)>,
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Points a curve keeps: a long run's steps are averaged in stretches.
const POINTS: usize = 400;
const COLUMNS: usize = 3;
const WIDTH: u32 = 330;
const HEIGHT: u32 = 250;
const GREY: RGBColor = RGBColor(150, 150, 150);
const BLUE: RGBColor = RGBColor(20, 90, 180);
const GREEN: RGBColor = RGBColor(30, 130, 60);

/// Draws the panels; `best` is the step whose weights were kept.
pub fn draw(panels: &[Panel], best: Option<f64>, path: &Path) -> Drawn {
    let drawn: Vec<&Panel> = panels.iter().filter(|panel| panel.range().is_some()).collect();
    let rows = drawn.len().div_ceil(COLUMNS).max(1);
    let size = (WIDTH * COLUMNS as u32, HEIGHT * rows as u32 + 30);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    let (key, below) = root.split_vertically(30);
    let told = match best {
        Some(step) => format!("each batch grey, tuning split blue, kept step {step} green"),
        None => "each batch grey, tuning split blue".to_owned(),
    };
    key.draw(&Text::new(told, (20, 8), ("sans-serif", 14).into_font()))?;
    for (area, panel) in below.split_evenly((rows, COLUMNS)).iter().zip(drawn) {
        panel.draw(best, area)?;
    }
    root.present()?;
    Ok(())
}

impl Panel {
    /// Last step, lowest and highest value; none where there is nothing to see. The first tenth of a run, which falls from
    /// anywhere, does not set the scale of the rest.
    fn range(&self) -> Option<(f64, f64, f64)> {
        let all = || self.training.iter().chain(&self.tuning).filter(|p| p.1.is_finite());
        let last = all().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
        let settled: Vec<f64> = all().filter(|p| p.0 >= last * 0.1).map(|p| p.1).collect();
        let low = settled.iter().copied().fold(f64::INFINITY, f64::min);
        let high = settled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let margin = ((high - low) * 0.05).max(low.abs() * 1e-3);
        (low < high).then_some((last, low - margin, high + margin))
    }

    fn draw(&self, best: Option<f64>, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Drawn {
        let Some((last, low, high)) = self.range() else { return Ok(()) };
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .caption(self.title, ("sans-serif", 15))
            .x_label_area_size(28)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..last.max(1.0), low..high)?;
        chart
            .configure_mesh()
            .x_labels(5)
            .y_labels(6)
            .x_label_formatter(&|step| format!("{step:.0}"))
            .y_label_formatter(&|value| short(*value, high - low))
            .draw()?;
        let seen = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
            points.iter().map(|(step, value)| (*step, value.clamp(low, high))).collect()
        };
        chart.draw_series(LineSeries::new(seen(&thinned(&self.training)), GREY))?;
        chart.draw_series(LineSeries::new(seen(&self.tuning), BLUE.stroke_width(2)))?;
        let marks = thinned(&self.tuning);
        chart.draw_series(seen(&marks).into_iter().map(|p| Circle::new(p, 2, BLUE.filled())))?;
        if let Some(step) = best.filter(|step| *step <= last) {
            chart.draw_series(LineSeries::new([(step, low), (step, high)], GREEN))?;
        }
        Ok(())
    }
}

/// As few digits as tell neighbouring labels apart.
fn short(value: f64, span: f64) -> String {
    let digits = (1.0 - span.abs().max(1e-12).log10()).ceil().clamp(0.0, 6.0) as usize;
    if digits > 4 { format!("{value:.1e}") } else { format!("{value:.digits$}") }
}

/// Means of equally many neighbours.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let finite: Vec<(f64, f64)> = points.iter().copied().filter(|p| p.1.is_finite()).collect();
    finite
        .chunks(finite.len().div_ceil(POINTS).max(1))
        .map(|chunk| {
            let n = chunk.len() as f64;
            (chunk.iter().map(|p| p.0).sum::<f64>() / n, chunk.iter().map(|p| p.1).sum::<f64>() / n)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_with_nothing_in_them_are_left_out_and_long_runs_stay_small() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("curves.svg");
        let falling = |n: u32| (1..=n).map(|i| (f64::from(i), 3.0 + 1.0 / f64::from(i))).collect::<Vec<_>>();
        let panels = [
            Panel { title: "all", training: falling(50_000), tuning: falling(3) },
            Panel { title: "tasks", training: vec![(1.0, 0.0), (2.0, 0.0)], tuning: vec![] },
            Panel { title: "broken", training: vec![(1.0, f64::NAN)], tuning: vec![] },
        ];
        draw(&panels, Some(2.0), &path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(svg.contains("all") && svg.contains("kept step 2"));
        assert!(!svg.contains("tasks") && !svg.contains("broken"));
        assert!(svg.len() < 100_000, "{}", svg.len());
        draw(&[], None, &path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("<svg"));
        assert_eq!((short(0.123, 0.5), short(12.0, 40.0)), ("0.12".to_owned(), "12".to_owned()));
    }
}
