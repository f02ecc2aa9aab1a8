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
/// How far beyond the losses of the runs the picture follows the law, in spans of those losses.
const REACH: f64 = 1.0;

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
        let mut lines: Vec<f64> = points.iter().map(self.line).collect();
        lines.sort_by(f64::total_cmp);
        lines.dedup();
        let curve = |law: &ScalingLaw, line: f64| -> Vec<(f64, f64)> {
            let step = (last / first).ln() / STEPS as f64;
            let along = (0..=STEPS).map(|i| first * (step * i as f64).exp());
            along.map(|x| (x, (self.law)(law, x, line))).filter(|(_, y)| y.is_finite()).collect()
        };
        let curves: Vec<Vec<(f64, f64)>> =
            law.iter().flat_map(|law| lines.iter().map(|line| curve(law, *line))).collect();
        // The law is part of the picture, but a doubtful one may lie so far off that the runs would be a dot.
        let reach = (high - low).max(0.05) * REACH;
        let shown = |y: f64| (low - reach..=high + reach).contains(&y);
        let ends = curves.iter().flatten().map(|(_, y)| *y).filter(|y| shown(*y));
        let (low, high) = ends.fold((low, high), |(low, high), y| (low.min(y), high.max(y)));
        let margin = ((high - low) * 0.08).max(1e-3);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption(self.title, ("sans-serif", 15))
            .x_label_area_size(34)
            .y_label_area_size(58)
            .build_cartesian_2d((first * 0.8..last * 2.2).log_scale(), low - margin..high + margin)?;
        chart.configure_mesh().x_label_formatter(&power).y_label_formatter(&|y| format!("{y:.3}")).draw()?;
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
            // Where the law leaves the frame its curve ends: held at the edge it would look like a law that levels off.
            if let Some(curve) = curves.get(index) {
                for inside in curve.split(|(_, y)| !(low - margin..=high + margin).contains(y)) {
                    chart.draw_series(LineSeries::new(inside.iter().copied(), colour))?;
                }
            }
        }
        Ok(())
    }
}

/// A label for powers of ten alone; others would round to them (3e4 and 3.2e4 as one).
fn power(x: &f64) -> String {
    let exponent = x.log10();
    match (exponent - exponent.round()).abs() < 1e-6 {
        true => format!("1e{}", exponent.round()),
        false => String::new(),
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
        assert!(svg.contains("1e5") && !svg.contains("2e5"), "labels stand at powers of ten");
        draw(&points[..1], None, false, &path).unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().contains("too few runs"));
        draw(&[], None, false, &path).unwrap();
    }

    #[test]
    fn a_law_ends_where_it_leaves_the_frame() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sweep.svg");
        let at = |n: f64, d: f64| 2.0 + 10.0 / n.powf(0.3) + 10.0 / d.powf(0.3);
        let grid = [1e4, 1e5, 1e6].map(|n| [1e4, 1e5, 1e6].map(|d| (n, d)));
        let points: Vec<ScalingPoint> = grid
            .iter()
            .flatten()
            .map(|(n, d)| ScalingPoint { parameters: *n, tokens: *d, loss: at(*n, *d) })
            .collect();
        let mut law = ScalingLaw::fit(&points, 1).unwrap();
        // Far too steep at the left end, and right nowhere near it.
        law.data_factor *= 40.0;
        draw(&points, Some(&law), false, &path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        // No two points of a curve in a row stand at one height: none is held at the edge.
        let lines = svg.split("<polyline").skip(1).filter(|line| !line.contains("stroke=\"#000000\""));
        let drawn = lines.filter_map(|line| line.split("points=\"").nth(1)?.split('"').next());
        for line in drawn {
            let heights: Vec<&str> = line.split_whitespace().filter_map(|p| p.split(',').nth(1)).collect();
            let level = heights.windows(4).filter(|w| w.iter().all(|y| *y == w[0])).count();
            assert!(level * 4 < heights.len().max(4), "{line}");
        }
    }
}
