//! The gate of SwiGLU (Shazeer 2020): `silu(gate) · up`, `silu(x) = x / (1 + e⁻ˣ)`.
//!
//! Both directions go eight elements at a time through local arrays: rows of gates that are read and written in
//! place would otherwise have to be assumed to overlap, and the loop would stay scalar.

use crate::real::{Real, vectorised};
use crate::registers::sigmoid;

const LANES: usize = 16;

/// `gate_up`: `[rows, 2 · width]`, gate then up; `activation`: `[rows, width]`.
pub(crate) fn forward<T: Real>(gate_up: &[T], width: usize, activation: &mut [T]) {
    T::gate(gate_up, width, activation);
}

/// [`forward`] for any number.
pub(crate) fn forward_plainly<T: Real>(gate_up: &[T], width: usize, activation: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            for (row, activation) in gate_up.chunks_exact(2 * width).zip(activation.chunks_exact_mut(width)) {
                let (gate, up) = row.split_at(width);
                let ((gates, gate), (ups, up)) = (gate.as_chunks::<LANES>(), up.as_chunks::<LANES>());
                let (activations, activation) = activation.as_chunks_mut::<LANES>();
                for ((a, g), u) in activations.iter_mut().zip(gates).zip(ups) {
                    for i in 0..LANES {
                        a[i] = g[i] * g[i].sigmoid() * u[i];
                    }
                }
                for ((a, g), u) in activation.iter_mut().zip(gate).zip(up) {
                    *a = *g * g.sigmoid() * *u;
                }
            }
        },
    );
}

/// [`forward`] in registers, with multiplications and additions in one where the processor can.
pub(crate) fn forward_in_registers(gate_up: &[f32], width: usize, activation: &mut [f32]) {
    pulp::Arch::new().dispatch(InRegisters { gate_up, width, activation });
}

struct InRegisters<'a> {
    gate_up: &'a [f32],
    width: usize,
    activation: &'a mut [f32],
}

impl pulp::WithSimd for InRegisters<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        let InRegisters { gate_up, width, activation } = self;
        for (row, activation) in gate_up.chunks_exact(2 * width).zip(activation.chunks_exact_mut(width)) {
            let (gate, up) = row.split_at(width);
            let ((gates, gate), (ups, up)) = (S::as_simd_f32s(gate), S::as_simd_f32s(up));
            let (activations, activation) = S::as_mut_simd_f32s(activation);
            for ((a, g), u) in activations.iter_mut().zip(gates).zip(ups) {
                *a = simd.mul_f32s(simd.mul_f32s(*g, sigmoid(simd, *g)), *u);
            }
            for ((a, g), u) in activation.iter_mut().zip(gate).zip(up) {
                *a = *g * g.sigmoid() * *u;
            }
        }
    }
}

/// Replaces `gate_up` by its gradient, given that of the activation, which `activation` receives once more.
pub(crate) fn backward<T: Real>(gate_up: &mut [T], width: usize, d_activation: &[T], activation: &mut [T]) {
    T::gate_backward(gate_up, width, d_activation, activation);
}

/// [`backward`] in registers.
pub(crate) fn backward_in_registers(
    gate_up: &mut [f32],
    width: usize,
    d_activation: &[f32],
    activation: &mut [f32],
) {
    pulp::Arch::new().dispatch(BackwardInRegisters { gate_up, width, d_activation, activation });
}

struct BackwardInRegisters<'a> {
    gate_up: &'a mut [f32],
    width: usize,
    d_activation: &'a [f32],
    activation: &'a mut [f32],
}

impl pulp::WithSimd for BackwardInRegisters<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) {
        let BackwardInRegisters { gate_up, width, d_activation, activation } = self;
        let one = simd.splat_f32s(1.0);
        let rows = gate_up.chunks_exact_mut(2 * width).zip(d_activation.chunks_exact(width));
        for ((row, d), activation) in rows.zip(activation.chunks_exact_mut(width)) {
            let (gate, up) = row.split_at_mut(width);
            let ((gates, gate), (ups, up)) = (S::as_mut_simd_f32s(gate), S::as_mut_simd_f32s(up));
            let ((ds, d), (activations, activation)) = (S::as_simd_f32s(d), S::as_mut_simd_f32s(activation));
            for (((g, u), d), a) in gates.iter_mut().zip(ups).zip(ds).zip(activations) {
                let s = sigmoid(simd, *g);
                let silu = simd.mul_f32s(*g, s);
                let slope = simd.mul_add_e_f32s(silu, simd.sub_f32s(one, s), s);
                *a = simd.mul_f32s(silu, *u);
                *g = simd.mul_f32s(simd.mul_f32s(*d, *u), slope);
                *u = simd.mul_f32s(*d, silu);
            }
            for (((g, u), d), a) in gate.iter_mut().zip(up).zip(d).zip(activation) {
                *a = *g * g.sigmoid() * *u;
                (*g, *u) = gradient(*g, *u, *d);
            }
        }
    }
}

/// [`backward`] for any number.
pub(crate) fn backward_plainly<T: Real>(
    gate_up: &mut [T],
    width: usize,
    d_activation: &[T],
    activation: &mut [T],
) {
    forward_plainly(gate_up, width, activation);
    vectorised(
        #[inline(always)]
        || {
            for (row, d_activation) in
                gate_up.chunks_exact_mut(2 * width).zip(d_activation.chunks_exact(width))
            {
                let (gate, up) = row.split_at_mut(width);
                let ((gates, gate), (ups, up)) = (gate.as_chunks_mut::<LANES>(), up.as_chunks_mut::<LANES>());
                let (ds, d) = d_activation.as_chunks::<LANES>();
                for ((g, u), d) in gates.iter_mut().zip(ups).zip(ds) {
                    let (x, y, d) = (*g, *u, *d);
                    *g = std::array::from_fn(
                        #[inline(always)]
                        |i| gradient(x[i], y[i], d[i]).0,
                    );
                    *u = std::array::from_fn(
                        #[inline(always)]
                        |i| gradient(x[i], y[i], d[i]).1,
                    );
                }
                for ((g, u), d) in gate.iter_mut().zip(up).zip(d) {
                    (*g, *u) = gradient(*g, *u, *d);
                }
            }
        },
    );
}

/// The derivative of `silu(x) · up` by `x` and by `up`, times `d`.
#[inline(always)]
fn gradient<T: Real>(x: T, up: T, d: T) -> (T, T) {
    let s = x.sigmoid();
    let silu = x * s;
    (d * up * (s + silu * (T::ONE - s)), d * silu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_gradient, wave};
    use crate::real::dot;

    #[test]
    fn in_registers_it_is_the_same() {
        let gate_up: Vec<f32> = (0..3 * 74).map(|i| (i as f32 * 0.37).sin() * 0.5 * i as f32).collect();
        let (mut plain, mut found) = (vec![0.0; 3 * 37], vec![f32::NAN; 3 * 37]);
        let wide: Vec<f64> = gate_up.iter().map(|x| f64::from(*x)).collect();
        forward_plainly(&wide, 37, &mut plain);
        forward_in_registers(&gate_up, 37, &mut found);
        for (found, expected) in found.iter().zip(&plain) {
            assert!(
                (f64::from(*found) - expected).abs() <= 1e-6 * expected.abs() + 1e-30,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn backward_in_registers_is_the_same() {
        let of = |scale: f64, n: usize| -> Vec<f32> {
            (0..n).map(|i| ((i as f64 * 0.37).sin() * scale * i as f64) as f32).collect()
        };
        let (gate_up, d) = (of(0.1, 3 * 74), of(0.02, 3 * 37));
        let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|x| f64::from(*x)).collect() };
        let (mut expected, mut activation) = (wide(&gate_up), vec![f64::NAN; 3 * 37]);
        backward_plainly(&mut expected, 37, &wide(&d), &mut activation);
        let run = |simd: &dyn Fn(BackwardInRegisters<'_>)| {
            let (mut found, mut again) = (gate_up.clone(), vec![f32::NAN; 3 * 37]);
            simd(BackwardInRegisters {
                gate_up: &mut found,
                width: 37,
                d_activation: &d,
                activation: &mut again,
            });
            for (found, expected) in found.iter().zip(&expected).chain(again.iter().zip(&activation)) {
                let error = (f64::from(*found) - expected).abs();
                // `1 − s` is rounded at one, and is multiplied with all three.
                assert!(error <= 2e-6 * expected.abs() + 1e-5, "{found} {expected}");
            }
        };
        run(&|gate| pulp::Arch::new().dispatch(gate));
        run(&|gate| pulp::Simd::vectorize(pulp::Scalar, gate));
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            run(&|gate| pulp::Simd::vectorize(v3, gate));
        }
    }

    #[test]
    fn backward_is_the_derivative() {
        let (x, dy) = (wave(2 * 33, 0.0), wave(33, 1.0));
        let mut dx = x.clone();
        let mut again = vec![f64::NAN; 33];
        backward(&mut dx, 11, &dy, &mut again);
        let mut activation = vec![0.0; 33];
        forward(&x, 11, &mut activation);
        assert_eq!(again, activation);
        assert_gradient(&x, &dx, |x| {
            let mut y = vec![0.0; 33];
            forward(x, 11, &mut y);
            dot(&y, &dy)
        });
    }
}
