//! A plot as SVG: logarithmic axes, and colours that can be read on light pages and on dark ones.

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::figures::Plot;

const SIZE: (u32, u32) = (760, 420);
/// Behind all is the page.
const GREY: RGBColor = RGBColor(128, 128, 128);
const COLOURS: [RGBColor; 6] = [
    RGBColor(140, 140, 140),
    RGBColor(224, 122, 20),
    RGBColor(44, 160, 100),
    RGBColor(66, 133, 220),
    RGBColor(200, 80, 160),
    RGBColor(150, 110, 210),
];
const FONT: &str = "sans-serif";

/// Draws it.
pub fn svg(plot: &Plot) -> Result<String> {
    let mut text = String::new();
    draw(plot, &mut text).map_err(|error| anyhow!("cannot draw {}: {error}", plot.name))?;
    Ok(text)
}

fn draw(plot: &Plot, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let points = || plot.lines.iter().flat_map(|line| &line.points);
    let [x, y] = [range(points().map(|point| point.0)), range(points().map(|point| point.1))];
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    // The names of the lines stand beside them, not on them.
    let (left, right) = root.split_horizontally(SIZE.0 - 210);
    let mut chart = ChartBuilder::on(&left)
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .caption(&plot.title, (FONT, 17, &GREY))
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(&plot.x)
        .y_desc(&plot.y)
        .label_style((FONT, 13, &GREY))
        .axis_desc_style((FONT, 14, &GREY))
        .axis_style(GREY)
        .bold_line_style(GREY.mix(0.35))
        .light_line_style(GREY.mix(0.0))
        .x_label_formatter(&|number| label(*number))
        .y_label_formatter(&|number| label(*number))
        .draw()?;
    for (line, colour) in plot.lines.iter().zip(COLOURS.iter().cycle()) {
        chart.draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))?;
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    for (row, (line, colour)) in (0..).zip(plot.lines.iter().zip(COLOURS.iter().cycle())) {
        let y = 60 + 24 * row;
        right.draw(&PathElement::new([(4, y), (26, y)], colour.stroke_width(2)))?;
        right.draw(&Circle::new((15, y), 3, colour.filled()))?;
        right.draw(&Text::new(line.name.clone(), (34, y - 7), (FONT, 13).into_font().color(&GREY)))?;
    }
    root.present()?;
    Ok(())
}

/// Whole powers of ten that the numbers lie between.
fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = numbers.fold((f64::INFINITY, 0.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return (1.0, 10.0);
    }
    let low = 10_f64.powf(low.log10().floor());
    (low, 10_f64.powf(high.log10().ceil()).max(low * 10.0))
}

/// A power of ten as people write it; the others have no room.
fn label(number: f64) -> String {
    let power = number.log10();
    match number {
        _ if (power - power.round()).abs() > 1e-6 => String::new(),
        n if n >= 0.999e9 => format!("{:.0} G", n / 1e9),
        n if n >= 0.999e6 => format!("{:.0} M", n / 1e6),
        n if n >= 0.999e4 => format!("{:.0} 000", n / 1e3),
        n if n >= 0.999 => format!("{n:.0}"),
        n => format!("{n:.4}").trim_end_matches('0').to_owned(),
    }
}
