//! The gate of SwiGLU (Shazeer 2020): `silu(gate) · up`, `silu(x) = x / (1 + e⁻ˣ)`.

use crate::real::{Real, vectorised};

/// `gate_up`: `[rows, 2 · width]`, gate then up; `activation`: `[rows, width]`.
pub(crate) fn forward<T: Real>(gate_up: &[T], width: usize, activation: &mut [T]) {
    vectorised(|| {
        for (row, activation) in gate_up.chunks_exact(2 * width).zip(activation.chunks_exact_mut(width)) {
            let (gate, up) = row.split_at(width);
            for ((a, g), u) in activation.iter_mut().zip(gate).zip(up) {
                *a = *g * g.sigmoid() * *u;
            }
        }
    });
}

/// Replaces `gate_up` by its gradient, given that of the activation.
pub(crate) fn backward<T: Real>(gate_up: &mut [T], width: usize, d_activation: &[T]) {
    vectorised(|| {
        for (row, d_activation) in gate_up.chunks_exact_mut(2 * width).zip(d_activation.chunks_exact(width)) {
            let (gate, up) = row.split_at_mut(width);
            for ((g, u), d) in gate.iter_mut().zip(up).zip(d_activation) {
                let (x, s) = (*g, g.sigmoid());
                let silu = x * s;
                *g = *d * *u * (s + silu * (T::ONE - s));
                *u = *d * silu;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_gradient, wave};
    use crate::real::dot;

    #[test]
    fn backward_is_the_derivative() {
        let (x, dy) = (wave(24, 0.0), wave(12, 1.0));
        let mut dx = x.clone();
        backward(&mut dx, 4, &dy);
        assert_gradient(&x, &dx, |x| {
            let mut y = vec![0.0; 12];
            forward(x, 4, &mut y);
            dot(&y, &dy)
        });
    }
}
