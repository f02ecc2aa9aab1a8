//! Root-mean-square normalisation (Zhang and Sennrich 2019): `y = x · w / √(mean(x²) + ε)`.

use crate::real::{Real, add_scaled, dot, vectorised};

/// `x`, `y`: `[rows, width]`; `inverse` receives `1/√(mean(x²) + ε)` per row.
pub(crate) fn forward<T: Real>(x: &[T], weight: &[T], epsilon: f64, y: &mut [T], inverse: &mut [T]) {
    let width = weight.len();
    let (epsilon, scale) = (T::of(epsilon), T::of(1.0 / width as f64));
    vectorised(
        #[inline(always)]
        || {
            for ((x, y), inverse) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(inverse) {
                let r = T::ONE / (dot(x, x) * scale + epsilon).sqrt();
                *inverse = r;
                scaled_row(x, weight, r, y);
            }
        },
    );
}

/// `y` again from `x` and the kept `inverse`.
pub(crate) fn again<T: Real>(x: &[T], weight: &[T], inverse: &[T], y: &mut [T]) {
    let width = weight.len();
    vectorised(
        #[inline(always)]
        || {
            for ((x, y), r) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(inverse) {
                scaled_row(x, weight, *r, y);
            }
        },
    );
}

#[inline(always)]
fn scaled_row<T: Real>(x: &[T], weight: &[T], r: T, y: &mut [T]) {
    for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
        *y = *x * r * *w;
    }
}

/// Adds to `dx` and `d_weight`. With `g = w·dy` and `r` the inverse: `dx = r·g − x·r³·⟨g, x⟩/width`.
pub(crate) fn backward<T: Real>(
    dy: &[T],
    x: &[T],
    weight: &[T],
    inverse: &[T],
    dx: &mut [T],
    d_weight: &mut [T],
) {
    let width = weight.len();
    let scale = T::of(1.0 / width as f64);
    vectorised(
        #[inline(always)]
        || {
            let rows = dy
                .chunks_exact(width)
                .zip(x.chunks_exact(width))
                .zip(dx.chunks_exact_mut(width))
                .zip(inverse);
            for (((dy, x), dx), r) in rows {
                let r = *r;
                for ((dw, dy), x) in d_weight.iter_mut().zip(dy).zip(x) {
                    *dw += *dy * *x * r;
                }
                let shared = dot_of_three(dy, weight, x) * r * r * r * scale;
                for (((dx, dy), w), x) in dx.iter_mut().zip(dy).zip(weight).zip(x) {
                    *dx += *dy * *w * r - *x * shared;
                }
            }
        },
    );
}

/// The sum of `a · b · c`, in lanes as [`dot`] is: one sum would be a chain that no register is wide enough for.
#[inline(always)]
fn dot_of_three<T: Real>(a: &[T], b: &[T], c: &[T]) -> T {
    let mut lanes = [T::ZERO; 16];
    let ((a16, a), (b16, b), (c16, c)) = (a.as_chunks::<16>(), b.as_chunks::<16>(), c.as_chunks::<16>());
    for ((x, y), z) in a16.iter().zip(b16).zip(c16) {
        for lane in 0..16 {
            lanes[lane] += x[lane] * y[lane] * z[lane];
        }
    }
    let rest = a.iter().zip(b).zip(c).map(|((x, y), z)| *x * *y * *z);
    lanes.into_iter().chain(rest).sum()
}

/// Adds the rows of `dy` to a bias gradient.
pub(crate) fn bias_backward<T: Real>(dy: &[T], d_bias: &mut [T]) {
    vectorised(
        #[inline(always)]
        || {
            for row in dy.chunks_exact(d_bias.len().max(1)) {
                add_scaled(d_bias, T::ONE, row);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{assert_gradient, wave};

    #[test]
    fn backward_is_the_derivative() {
        let (rows, width) = (3, 5);
        let (x, weight, dy) = (wave(rows * width, 1.0), wave(width, 2.0), wave(rows * width, 3.0));
        let loss = |x: &[f64], weight: &[f64]| {
            let (mut y, mut inverse) = (vec![0.0; rows * width], vec![0.0; rows]);
            forward(x, weight, 1e-6, &mut y, &mut inverse);
            dot(&y, &dy)
        };
        let (mut y, mut inverse) = (vec![0.0; rows * width], vec![0.0; rows]);
        forward(&x, &weight, 1e-6, &mut y, &mut inverse);
        let mut kept = vec![0.0; rows * width];
        again(&x, &weight, &inverse, &mut kept);
        assert_eq!(y, kept);
        let (mut dx, mut d_weight) = (vec![0.0; rows * width], vec![0.0; width]);
        backward(&dy, &x, &weight, &inverse, &mut dx, &mut d_weight);
        assert_gradient(&x, &dx, |x| loss(x, &weight));
        assert_gradient(&weight, &d_weight, |w| loss(&x, w));
    }
}
