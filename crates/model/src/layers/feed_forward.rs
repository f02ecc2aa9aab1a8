//! The gate of SwiGLU (Shazeer 2020): `silu(gate) · up`, `silu(x) = x / (1 + e⁻ˣ)`.
//!
//! Both directions go eight elements at a time through local arrays: rows of gates that are read and written in
//! place would otherwise have to be assumed to overlap, and the loop would stay scalar.

use crate::real::{Real, vectorised};
use crate::registers::sigmoid;

const LANES: usize = 16;

/// `gate_up`: `[rows, 2 · width]`, gate then up; `activation`: `[rows, width]`.
pub(crate) fn forward<T: Real>(gate_up: &[T], width: usize, activation: &mut [T]) {
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

/// Replaces `gate_up` by its gradient, given that of the activation.
pub(crate) fn backward<T: Real>(gate_up: &mut [T], width: usize, d_activation: &[T]) {
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
        forward(&wide, 37, &mut plain);
        forward_in_registers(&gate_up, 37, &mut found);
        for (found, expected) in found.iter().zip(&plain) {
            assert!(
                (f64::from(*found) - expected).abs() <= 1e-6 * expected.abs() + 1e-30,
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn backward_is_the_derivative() {
        let (x, dy) = (wave(2 * 33, 0.0), wave(33, 1.0));
        let mut dx = x.clone();
        backward(&mut dx, 11, &dy);
        assert_gradient(&x, &dx, |x| {
            let mut y = vec![0.0; 33];
            forward(x, 11, &mut y);
            dot(&y, &dy)
        });
    }
}
