//! Tokens in: the code's vector, what it measured, how long the gap was, and when it was.
//!
//! `x = C[code] + age · A + hat(gap) · G` for every token (the gap at `TIME` only), and for codes with a value
//! `+ O · ((B · basis) ∘ (1 + g · C[code]))`: the basis over the rank and the code's last rank, gated by the
//! code. `C` is the table of code vectors with their features added, so codes never trained have vectors too.

use crate::buffer::Buffer;
use crate::config::Config;
use crate::layers::basis;
use crate::matrix::{Matrix, MatrixMut, multiply, multiply_add};
use crate::pack::Pack;
use crate::real::{Real, add_scaled};
use crate::weights::Layout;

/// Features of [`basis::age`].
pub(crate) const AGE_FEATURES: usize = 16;
/// Knots over the logarithm of a gap.
pub(crate) const GAP_KNOTS: usize = 24;

/// What backward needs of forward.
#[derive(Default)]
pub(crate) struct Cache<T> {
    age: Buffer<T>,
    valued: Vec<usize>,
    basis: Buffer<T>,
    codes: Buffer<T>,
    values: Buffer<T>,
    gates: Buffer<T>,
    products: Buffer<T>,
    rows: Buffer<T>,
    d_products: Buffer<T>,
}

/// Sets `x` (`[tokens, width]`).
pub(crate) fn forward<T: Real>(
    (config, layout): (&Config, &Layout),
    (weights, code_table): (&[T], &[T]),
    pack: &Pack,
    x: &mut [T],
    cache: &mut Cache<T>,
) {
    let (d, tokens) = (config.width, pack.tokens());
    let age = cache.age.stale(tokens * AGE_FEATURES);
    let gaps = layout.gap.of(weights);
    cache.valued.clear();
    for row in 0..tokens {
        let x = &mut x[row * d..(row + 1) * d];
        let code = pack.code[row] as usize;
        x.copy_from_slice(&code_table[code * d..(code + 1) * d]);
        let features = &mut age[row * AGE_FEATURES..(row + 1) * AGE_FEATURES];
        basis::age(pack.age_days[row], pack.since_start_days[row], pack.birth_known[row], features);
        if let Some((lower, a, b)) = gap_knots(config, pack, row) {
            add_scaled(x, T::of(a), &gaps[lower * d..(lower + 1) * d]);
            add_scaled(x, T::of(b), &gaps[(lower + 1) * d..(lower + 2) * d]);
        } else if pack.value[row].is_finite() {
            cache.valued.push(row);
        }
    }
    multiply_add(
        MatrixMut::new(x, tokens, d),
        Matrix::new(age, tokens, AGE_FEATURES),
        Matrix::new(layout.age.of(weights), AGE_FEATURES, d),
    );
    let (n, rank, width) = (cache.valued.len(), config.value.rank, basis_width(config));
    if n == 0 {
        return;
    }
    let basis = cache.basis.stale(n * width);
    let codes = cache.codes.stale(n * d);
    for (i, row) in cache.valued.iter().enumerate() {
        value_basis(pack.value[*row], pack.previous[*row], &mut basis[i * width..(i + 1) * width]);
        let code = pack.code[*row] as usize;
        codes[i * d..(i + 1) * d].copy_from_slice(&code_table[code * d..(code + 1) * d]);
    }
    let (values, gates) = (cache.values.stale(n * rank), cache.gates.stale(n * rank));
    let weight = Matrix::new(layout.value_basis.of(weights), rank, width);
    multiply(MatrixMut::new(values, n, rank), Matrix::new(basis, n, width), weight.t());
    let weight = Matrix::new(layout.value_gate.of(weights), rank, d);
    multiply(MatrixMut::new(gates, n, rank), Matrix::new(codes, n, d), weight.t());
    let products = cache.products.stale(n * rank);
    for ((p, v), g) in products.iter_mut().zip(&*values).zip(&*gates) {
        *p = *v * (T::ONE + *g);
    }
    let rows = cache.rows.stale(n * d);
    let weight = Matrix::new(layout.value_out.of(weights), d, rank);
    multiply(MatrixMut::new(rows, n, d), Matrix::new(products, n, rank), weight.t());
    for (i, row) in cache.valued.iter().enumerate() {
        add_scaled(&mut x[row * d..(row + 1) * d], T::ONE, &rows[i * d..(i + 1) * d]);
    }
}

/// Adds to `gradient` and `d_code_table`.
pub(crate) fn backward<T: Real>(
    (config, layout): (&Config, &Layout),
    weights: &[T],
    pack: &Pack,
    dx: &[T],
    (gradient, d_code_table): (&mut [T], &mut [T]),
    cache: &mut Cache<T>,
) {
    let (d, tokens) = (config.width, pack.tokens());
    let d_gaps = layout.gap.of_mut(gradient);
    for row in 0..tokens {
        let dx = &dx[row * d..(row + 1) * d];
        let code = pack.code[row] as usize;
        add_scaled(&mut d_code_table[code * d..(code + 1) * d], T::ONE, dx);
        if let Some((lower, a, b)) = gap_knots(config, pack, row) {
            add_scaled(&mut d_gaps[lower * d..(lower + 1) * d], T::of(a), dx);
            add_scaled(&mut d_gaps[(lower + 1) * d..(lower + 2) * d], T::of(b), dx);
        }
    }
    multiply_add(
        MatrixMut::new(layout.age.of_mut(gradient), AGE_FEATURES, d),
        Matrix::new(cache.age.filled(tokens * AGE_FEATURES), tokens, AGE_FEATURES).t(),
        Matrix::new(dx, tokens, d),
    );
    let (n, rank, width) = (cache.valued.len(), config.value.rank, basis_width(config));
    if n == 0 {
        return;
    }
    let rows = cache.rows.filled_mut(n * d);
    for (i, row) in cache.valued.iter().enumerate() {
        rows[i * d..(i + 1) * d].copy_from_slice(&dx[row * d..(row + 1) * d]);
    }
    multiply_add(
        MatrixMut::new(layout.value_out.of_mut(gradient), d, rank),
        Matrix::new(rows, n, d).t(),
        Matrix::new(cache.products.filled(n * rank), n, rank),
    );
    let d_products = cache.d_products.stale(n * rank);
    let weight = Matrix::new(layout.value_out.of(weights), d, rank);
    multiply(MatrixMut::new(d_products, n, rank), Matrix::new(rows, n, d), weight);
    let (values, gates) = (cache.values.filled_mut(n * rank), cache.gates.filled_mut(n * rank));
    for ((dp, v), g) in d_products.iter().zip(values.iter_mut()).zip(gates.iter_mut()) {
        (*v, *g) = (*dp * (T::ONE + *g), *dp * *v);
    }
    multiply_add(
        MatrixMut::new(layout.value_basis.of_mut(gradient), rank, width),
        Matrix::new(values, n, rank).t(),
        Matrix::new(cache.basis.filled(n * width), n, width),
    );
    multiply_add(
        MatrixMut::new(layout.value_gate.of_mut(gradient), rank, d),
        Matrix::new(gates, n, rank).t(),
        Matrix::new(cache.codes.filled(n * d), n, d),
    );
    let d_codes = cache.codes.stale(n * d);
    let weight = Matrix::new(layout.value_gate.of(weights), rank, d);
    multiply(MatrixMut::new(d_codes, n, d), Matrix::new(gates, n, rank), weight);
    for (i, row) in cache.valued.iter().enumerate() {
        let code = pack.code[*row] as usize;
        add_scaled(&mut d_code_table[code * d..(code + 1) * d], T::ONE, &d_codes[i * d..(i + 1) * d]);
    }
}

fn basis_width(config: &Config) -> usize {
    2 * config.value.knots + 1
}

/// The rank, the code's previous rank if it has one, and whether it has.
pub(crate) fn value_basis<T: Real>(rank: f32, previous: f32, out: &mut [T]) {
    let knots = out.len() / 2;
    basis::hat(f64::from(rank), &mut out[..knots]);
    previous_basis(previous, &mut out[knots..]);
}

/// The code's previous rank on `out.len() − 1` knots, then whether it has one.
pub(crate) fn previous_basis<T: Real>(previous: f32, out: &mut [T]) {
    let knots = out.len() - 1;
    if previous.is_finite() {
        basis::hat(f64::from(previous), &mut out[..knots]);
        out[knots] = T::ONE;
    } else {
        out.fill(T::ZERO);
    }
}

fn gap_knots(config: &Config, pack: &Pack, row: usize) -> Option<(usize, f64, f64)> {
    (pack.code[row] == config.time_code && pack.value[row].is_finite())
        .then(|| basis::between_knots(basis::gap_position(f64::from(pack.value[row])), GAP_KNOTS))
}
