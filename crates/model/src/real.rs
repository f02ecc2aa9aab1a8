//! The number a computation runs in.
//!
//! Every layer and head is written once over [`Real`]: the engine runs in `f32`, and the same code in `f64` is
//! what finite differences check.

use crate::layers::feed_forward;
use crate::panels::{self, Left, Panels, Right, Target};
use crate::registers;
use std::cell::RefCell;
use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

pub(crate) trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Sum
    + 'static
    + Add<Output = Self>
    + AddAssign
    + Div<Output = Self>
    + Mul<Output = Self>
    + MulAssign
    + Neg<Output = Self>
    + Sub<Output = Self>
    + SubAssign
{
    const ZERO: Self;
    const ONE: Self;
    fn of(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn exp(self) -> Self;
    fn sqrt(self) -> Self;
    /// The product of a left operand with panels, in the best way that there is for this precision.
    fn product(target: Target<'_, Self>, left: Left<'_, Self>, right: Right<'_, Self>);
    /// [`feed_forward::forward`](crate::layers::feed_forward::forward) in the best way that there is for this precision.
    fn gate(gate_up: &[Self], width: usize, activation: &mut [Self]);
    /// [`feed_forward::backward`](crate::layers::feed_forward::backward), likewise.
    fn gate_backward(gate_up: &mut [Self], width: usize, d_activation: &[Self], activation: &mut [Self]);
    /// [`exponentiate_scaled`], likewise.
    fn exponentiate_scaled(row: &mut [Self], scale: Self) -> (Self, Self);
    /// Replaces scores `x` by their probabilities `p = exp(s x − log_sum)`, and the gradient `d` of these by the
    /// scores', `p (d − shared) s`, with `(s, log_sum, shared)`.
    fn probabilities(scores: &mut [Self], d_scores: &mut [Self], by: (Self, Self, Self));
    /// See [`Panels::lay_out_tiles`].
    fn lay_out_tiles(panels: &mut Panels<Self>);
    /// Lends this thread's panels, for operands that are laid out for one product.
    fn with_panels<R>(borrow: impl FnOnce(&mut Panels<Self>) -> R) -> R;

    /// 1 / (1 + e⁻ˣ).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    fn product(target: Target<'_, f64>, left: Left<'_, f64>, right: Right<'_, f64>) {
        panels::product_plainly(target, left, right);
    }
    fn gate(gate_up: &[f64], width: usize, activation: &mut [f64]) {
        feed_forward::forward_plainly(gate_up, width, activation);
    }
    fn gate_backward(gate_up: &mut [f64], width: usize, d_activation: &[f64], activation: &mut [f64]) {
        feed_forward::backward_plainly(gate_up, width, d_activation, activation);
    }
    fn exponentiate_scaled(row: &mut [f64], scale: f64) -> (f64, f64) {
        let max = row.iter().fold(row[0], |max, value| max.max(*value));
        row.iter_mut().for_each(|value| *value = ((*value - max) * scale).exp());
        (max * scale, row.iter().sum())
    }
    fn probabilities(scores: &mut [f64], d_scores: &mut [f64], (scale, log_sum, shared): (f64, f64, f64)) {
        for (s, ds) in scores.iter_mut().zip(d_scores) {
            *s = (*s * scale - log_sum).exp();
            *ds = *s * (*ds - shared) * scale;
        }
    }
    fn lay_out_tiles(_: &mut Panels<f64>) {}
    fn with_panels<R>(borrow: impl FnOnce(&mut Panels<f64>) -> R) -> R {
        thread_local!(static PANELS: RefCell<Panels<f64>> = RefCell::default());
        PANELS.with_borrow_mut(borrow)
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    /// Cephes' `expf` without branches, so that loops over it vectorise; 2 units in the last place. Below -87
    /// it returns e⁻⁸⁷ rather than zero, above 88 e⁸⁸ rather than infinity.
    #[inline(always)]
    fn exp(self) -> Self {
        // Adding and subtracting 1.5·2²³ rounds to the nearest integer, which the sum's low bits also hold.
        const ROUND: f32 = 12_582_912.0;
        let x = self.clamp(-87.0, 88.0);
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
        let mut p = 1.987_569_1e-4;
        p = p * r + 1.398_2e-3;
        p = p * r + 8.333_452e-3;
        p = p * r + 4.166_579_6e-2;
        p = p * r + 1.666_666_5e-1;
        p = p * r + 0.5;
        let y = p * r * r + r + 1.0;
        let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
        y * scale
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    fn product(target: Target<'_, f32>, left: Left<'_, f32>, right: Right<'_, f32>) {
        panels::product(target, left, right);
    }
    fn gate(gate_up: &[f32], width: usize, activation: &mut [f32]) {
        feed_forward::forward_in_registers(gate_up, width, activation);
    }
    fn gate_backward(gate_up: &mut [f32], width: usize, d_activation: &[f32], activation: &mut [f32]) {
        feed_forward::backward_in_registers(gate_up, width, d_activation, activation);
    }
    fn exponentiate_scaled(row: &mut [f32], scale: f32) -> (f32, f32) {
        pulp::Arch::new().dispatch(registers::Exponentiate { row, scale })
    }
    fn probabilities(scores: &mut [f32], d_scores: &mut [f32], by: (f32, f32, f32)) {
        pulp::Arch::new().dispatch(registers::Probabilities { scores, d_scores, by });
    }
    fn lay_out_tiles(panels: &mut Panels<f32>) {
        panels::lay_out_tiles(panels);
    }
    fn with_panels<R>(borrow: impl FnOnce(&mut Panels<f32>) -> R) -> R {
        thread_local!(static PANELS: RefCell<Panels<f32>> = RefCell::default());
        PANELS.with_borrow_mut(borrow)
    }
}

/// Runs a loop compiled for the best instruction set that this processor has. The body must be a closure of
/// `#[inline(always)]` parts.
#[inline(always)]
pub(crate) fn vectorised<R>(body: impl FnOnce() -> R) -> R {
    struct Body<F>(F);
    impl<R, F: FnOnce() -> R> pulp::WithSimd for Body<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Body(body))
}

/// Sum of products, in eight lanes so that it vectorises; the order is fixed, so the result is too.
#[inline(always)]
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (x, y) in a8.iter().zip(b8) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    let mut total =
        ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
    for (x, y) in a_rest.iter().zip(b_rest) {
        total += *x * *y;
    }
    total
}

/// `target += scale · source`.
#[inline(always)]
pub(crate) fn add_scaled<T: Real>(target: &mut [T], scale: T, source: &[T]) {
    for (t, s) in target.iter_mut().zip(source) {
        *t += scale * *s;
    }
}

/// Replaces a row by `exp(x − max)` and returns `(max, sum)`.
#[inline(always)]
pub(crate) fn exponentiate<T: Real>(row: &mut [T]) -> (T, T) {
    exponentiate_scaled(row, T::ONE)
}

/// Replaces a row by `exp(s x − max(s x))` and returns `(max(s x), sum)`; `scale`, `s`, is positive.
#[inline(always)]
pub(crate) fn exponentiate_scaled<T: Real>(row: &mut [T], scale: T) -> (T, T) {
    T::exponentiate_scaled(row, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in -86_000..88_000 {
            let x = i as f32 * 1e-3;
            let exact = f64::from(x).exp();
            worst = worst.max(((f64::from(Real::exp(x)) - exact) / exact).abs());
        }
        assert!(worst < 2.4e-7, "{worst:e}");
        assert!(Real::exp(-1e30_f32) > 0.0 && Real::exp(1e30_f32).is_finite());
    }

    #[test]
    fn exponentiate_is_a_stable_softmax() {
        let mut row: Vec<f32> = (0..21).map(|i| 1000.0 + i as f32).collect();
        let (max, sum) = exponentiate(&mut row);
        assert_eq!(max, 1020.0);
        let expected: f64 = (0..21).map(|i| (-f64::from(i)).exp()).sum();
        assert!((f64::from(sum) - expected).abs() < 1e-5);
    }
}
