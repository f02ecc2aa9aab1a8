use super::*;
use crate::panels::tests::{exact, values};
use crate::panels::{Panels, multiply};

/// What this processor can do: the matrix unit's processors have dot products too, which are tested there as well.
fn ways() -> Vec<(Unit, Products)> {
    let all = [(Unit::Dots, Products::Bf16), (Unit::Tiles, Products::Bf16), (Unit::Tiles, Products::Bf16x3)];
    let there = |unit| dots::are_there() && (unit == Unit::Dots || tiles::are_there());
    let ways: Vec<_> = all.into_iter().filter(|(unit, _)| there(*unit)).collect();
    if ways.len() < all.len() {
        eprintln!("of bfloat16 this processor has {ways:?}");
    }
    ways
}

/// Both orientations, both ways to put down, a matrix laid out in tiles beforehand and one that isn't, on shapes that are cut in
/// every dimension and in blocks of both operands.
#[test]
fn products_are_their_definition() {
    let shapes =
        [(1, 1, 1), (13, 300, 47), (33, 33, 33), (64, 32, 96), (31, 270, 130), (1300, 290, 17), (5, 700, 64)];
    // Eight significant bits, which are exact in any part.
    let short = |values: &[f32]| -> Vec<f32> {
        values.iter().map(|v| f32::from_bits(v.to_bits() & 0xffff_0000)).collect()
    };
    for (unit, products) in ways() {
        for (rows, inner, columns) in shapes {
            let (x, b) = (values(rows * inner, 5), values(inner * columns, 6));
            let rounding = if products == Products::Bf16 { 2_f64.powi(-8) } else { 2_f64.powi(-16) };
            for (x, b, rounding) in [(short(&x), short(&b), 0.0), (x, b, rounding)] {
                let expected =
                    exact(|i, p| x[i * inner + p], |p, j| b[p * columns + j], (rows, inner, columns));
                let near = |y: &[f32], plus: f64| {
                    for (found, expected) in y.iter().zip(&expected) {
                        let error = (f64::from(*found) - plus - expected).abs();
                        let most = (4e-6 + 2.0 * rounding) * (inner as f64).sqrt()
                            + (4e-6 + rounding) * expected.abs();
                        assert!(
                            error <= most,
                            "{unit:?}, {products:?}, {rows}, {inner}, {columns}: {found} for {expected}"
                        );
                    }
                };
                let mut panels = Panels::default();
                panels.set_products(products);
                panels.set(&b, inner, columns);
                let across: Vec<f32> = (0..rows * inner).map(|i| x[i % rows * inner + i / rows]).collect();
                for laid_out in [false, true] {
                    if laid_out {
                        panels.lay_out_tiles();
                        assert!(!panels.tiles.is_empty());
                    }
                    let mut y = vec![f32::NAN; rows * columns];
                    product_by(
                        unit,
                        Target::set(&mut y, columns),
                        Left::rows(&x, (rows, inner), inner),
                        panels.all(),
                    );
                    near(&y, 0.0);
                    let left = || Left::columns(&across, (rows, inner), rows);
                    y.fill(1.0);
                    product_by(unit, Target::add(&mut y, columns), left(), panels.all());
                    near(&y, 1.0);
                    // A row alone has the same bits as among others.
                    let (mut one, mut all) = (vec![0.0; columns], vec![0.0; rows * columns]);
                    product_by(
                        unit,
                        Target::set(&mut all, columns),
                        Left::rows(&x, (rows, inner), inner),
                        panels.all(),
                    );
                    let last = Left::rows(&x[(rows - 1) * inner..], (1, inner), inner);
                    product_by(unit, Target::set(&mut one, columns), last, panels.all());
                    assert!(one == all[(rows - 1) * columns..]);
                    if super::unit() == Some(unit) {
                        y.fill(f32::NAN);
                        multiply(&mut y, &x, &panels);
                        assert!(y == all, "the processor's own way is another");
                    }
                }
                panels.set_products(Products::F32);
                panels.lay_out_tiles();
                assert!(panels.tiles.is_empty());
            }
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    for (unit, products) in ways() {
        for odd in [f32::NAN, f32::INFINITY] {
            let mut panels = Panels::default();
            panels.set_products(products);
            panels.set(&[1.0; 40 * 40], 40, 40);
            let mut x = vec![1.0; 40 * 40];
            x[7 * 40 + 3] = odd;
            let mut y = vec![0.0; 40 * 40];
            product_by(unit, Target::set(&mut y, 40), Left::rows(&x, (40, 40), 40), panels.all());
            assert!(y[7 * 40..8 * 40].iter().all(|y| !y.is_finite()));
            assert!(y[8 * 40..].iter().all(|y| *y == 40.0));
        }
    }
}

#[test]
fn what_this_processor_cannot_do_is_refused() {
    for products in [Products::F32, Products::Bf16, Products::Bf16x3] {
        let there = products == Products::F32 || ways().iter().any(|(_, of)| *of == products);
        assert_eq!(products.check().is_ok(), there, "{products:?}");
    }
}
