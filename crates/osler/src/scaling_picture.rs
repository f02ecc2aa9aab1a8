//! The picture of a sweep: loss by data, a line a size, and by size, a line an amount of data.

use crate::progress::grouped;
use model::{ScalingLaw, ScalingPoint};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::Path;

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Dark to light, told apart without colour too.
const COLOURS: [RGBColor; 5] = [
    RGBColor(20, 40, 90),
    RGBColor(20, 90, 180),
    RGBColor(30, 140, 130),
    RGBColor(120, 160, 40),
    RGBColor(200, 130, 20),
];
const STEPS: usize = 40;

/// One panel: what runs along, and what tells its lines apart.
struct Panel {
    title: &'static str,
    x: fn(&ScalingPoint) -> f64,
    line: fn(&ScalingPoint) -> f64,
    of: &'static str,
    law: fn(&ScalingLaw, f64, f64) -> f64,
}

/// Draws the runs as points and the law as curves.
pub fn draw(points: &[ScalingPoint], law: Option<&ScalingLaw>, synthetic: bool, path: &Path) -> Drawn {
    let root = SVGBackend::new(path, (1000, 460)).into_drawing_area();
    root.fill(&WHITE)?;
    let (key, below) = root.split_vertically(36);
    let mut told = match law {
        Some(law) if law.doubts.is_empty() => format!(
            "L = {:.3} + {:.2e} / N^{:.2} + {:.2e} / D^{:.2}",
            law.irreducible.estimate,
            law.size_factor,
            law.size_exponent.estimate,
            law.data_factor,
            law.data_exponent.estimate
        ),
        Some(_) => "a law was fitted that these runs do not support; see sweep.json".to_owned(),
        None => "too few runs for a law".to_owned(),
    };
    if synthetic {
        told += " (synthetic records)";
    }
    key.draw(&Text::new(told, (20, 12), ("sans-serif", 15).into_font()))?;
    let panels = [
        Panel {
            title: "tuning loss by tokens of training subjects",
            x: |p| p.tokens,
            line: |p| p.parameters,
            of: "weights",
            law: |law, tokens, parameters| law.at(parameters, tokens),
        },
        Panel {
            title: "tuning loss by weights",
            x: |p| p.parameters,
            line: |p| p.tokens,
            of: "tokens",
            law: |law, parameters, tokens| law.at(parameters, tokens),
        },
    ];
    for (panel, area) in panels.iter().zip(below.split_evenly((1, 2))) {
        panel.draw(points, law, &area)?;
    }
    root.present()?;
    Ok(())
}

impl Panel {
    fn draw(
        &self,
        points: &[ScalingPoint],
        law: Option<&ScalingLaw>,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
    ) -> Drawn {
        let range = |of: &dyn Fn(&ScalingPoint) -> f64| {
            let values = || points.iter().map(of).filter(|v| v.is_finite());
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        let ((first, last), (low, high)) = (range(&self.x), range(&|p| p.loss));
        if !(first <= last && low <= high) {
            return Ok(());
        }
        let margin = ((high - low) * 0.08).max(1e-3);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption(self.title, ("sans-serif", 15))
            .x_label_area_size(34)
            .y_label_area_size(58)
            .build_cartesian_2d((first * 0.8..last * 2.2).log_scale(), low - margin..high + margin)?;
        chart
            .configure_mesh()
            .x_label_formatter(&|x| format!("{x:.0e}"))
            .y_label_formatter(&|y| format!("{y:.3}"))
            .draw()?;
        let mut lines: Vec<f64> = points.iter().map(self.line).collect();
        lines.sort_by(f64::total_cmp);
        lines.dedup();
        for (index, line) in lines.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let mut of_line: Vec<(f64, f64)> =
                points.iter().filter(|p| (self.line)(p) == *line).map(|p| ((self.x)(p), p.loss)).collect();
            of_line.sort_by(|a, b| a.0.total_cmp(&b.0));
            chart.draw_series(of_line.iter().map(|p| Circle::new(*p, 4, colour.filled())))?;
            if let Some((x, y)) = of_line.last() {
                let told = format!("{} {}", grouped(*line as u64), self.of);
                chart.draw_series([Text::new(
                    told,
                    (*x * 1.06, *y),
                    ("sans-serif", 11).into_font().color(&colour),
                )])?;
            }
            if let Some(law) = law {
                let step = (last / first).ln() / STEPS as f64;
                let curve = (0..=STEPS).map(|i| first * (step * i as f64).exp());
                let curve = curve.map(|x| (x, (self.law)(law, x, *line).clamp(low - margin, high + margin)));
                chart.draw_series(LineSeries::new(curve, colour))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_drawn_with_and_without_a_law() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sweep.svg");
        let mut points = Vec::new();
        for parameters in [1e4, 1e5, 1e6] {
            for tokens in [1e4, 1e5, 1e6] {
                let loss = 2.0 + 10.0 / f64::powf(parameters, 0.3) + 10.0 / f64::powf(tokens, 0.3);
                points.push(ScalingPoint { parameters, tokens, loss });
            }
        }
        let law = ScalingLaw::fit(&points, 1).unwrap();
        draw(&points, Some(&law), true, &path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(
            svg.contains("synthetic") && svg.contains("1,000,000 weights") && svg.contains("10,000 tokens")
        );
        draw(&points[..1], None, false, &path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("too few runs"));
        draw(&[], None, false, &path).unwrap();
    }
}
