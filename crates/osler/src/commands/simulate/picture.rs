//! Both answers in one picture: against each other by code, and against what came true.

use super::agreement::{Comparison, Group};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::Path;

const DIRECT: RGBColor = RGBColor(20, 90, 180);
const SIMULATED: RGBColor = RGBColor(200, 90, 20);
const GREY: RGBColor = RGBColor(170, 170, 170);

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Left: the mean direct risk of each code and horizon against the simulated one, with 95 % intervals of the
/// simulation. Right: tenths of all predictions against what came true.
pub fn draw(comparisons: &[Comparison], direct: &[Group], simulated: &[Group], path: &Path) -> Drawn {
    if comparisons.is_empty() {
        return Ok(std::fs::write(path, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>")?);
    }
    let root = SVGBackend::new(path, (1000, 500)).into_drawing_area();
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(500);
    by_code(&left, comparisons)?;
    calibration(&right, direct, simulated)?;
    root.present()?;
    Ok(())
}

/// From nothing to a little above the largest.
fn upper(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|v| v.is_finite()).fold(1e-6, f64::max) * 1.1
}

fn by_code(area: &DrawingArea<SVGBackend<'_>, Shift>, comparisons: &[Comparison]) -> Drawn {
    let top = upper(comparisons.iter().flat_map(|c| [c.direct, c.simulated + 1.96 * c.simulation_error]));
    let mut chart = ChartBuilder::on(area)
        .margin(20)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..top, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("mean risk, simulated (bars: 95 % by simulation)")
        .y_desc("mean risk, direct")
        .draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (top, top)], GREY))?;
    chart.draw_series(comparisons.iter().map(|c| {
        let reach = if c.simulation_error.is_finite() { 1.96 * c.simulation_error } else { 0.0 };
        PathElement::new([(c.simulated - reach, c.direct), (c.simulated + reach, c.direct)], SIMULATED)
    }))?;
    chart
        .draw_series(comparisons.iter().map(|c| Circle::new((c.simulated, c.direct), 3, DIRECT.filled())))?;
    Ok(())
}

fn calibration(area: &DrawingArea<SVGBackend<'_>, Shift>, direct: &[Group], simulated: &[Group]) -> Drawn {
    let top = upper(direct.iter().chain(simulated).flat_map(|g| [g.predicted, g.observed]));
    let mut chart = ChartBuilder::on(area)
        .margin(20)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..top, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("predicted, tenths (direct blue, simulated orange)")
        .y_desc("came true, of those known")
        .draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (top, top)], GREY))?;
    for (groups, colour) in [(direct, DIRECT), (simulated, SIMULATED)] {
        let points = || groups.iter().map(|g| (g.predicted, g.observed));
        chart.draw_series(LineSeries::new(points(), colour))?;
        chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    Ok(())
}
