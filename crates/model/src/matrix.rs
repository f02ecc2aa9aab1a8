//! Matrix products over borrowed slices, where no operand is known beforehand: the right one is laid out in panels on
//! each call.

use crate::panels::{Left, Target};
use crate::real::Real;

/// A matrix in a slice: `data[i · row_stride + j · column_stride]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Row by row.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Rows `stride` apart.
    pub(crate) fn strided(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(fits(data.len(), rows, columns, row_stride), "matrix outside its slice");
        Matrix { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The transpose.
    pub(crate) fn t(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// A matrix to write to, row by row, rows `row_stride` apart.
pub(crate) struct MatrixMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a, T> MatrixMut<'a, T> {
    pub(crate) fn new(data: &'a mut [T], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    pub(crate) fn strided(data: &'a mut [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(fits(data.len(), rows, columns, row_stride), "matrix outside its slice");
        MatrixMut { data, rows, columns, row_stride }
    }
}

fn fits(len: usize, rows: usize, columns: usize, row_stride: usize) -> bool {
    row_stride >= columns && (rows == 0 || columns == 0 || (rows - 1) * row_stride + columns <= len)
}

/// `target = a · b`.
pub(crate) fn multiply<T: Real>(target: MatrixMut<'_, T>, a: Matrix<'_, T>, b: Matrix<'_, T>) {
    product(target, false, a, b);
}

/// `target += a · b`.
pub(crate) fn multiply_add<T: Real>(target: MatrixMut<'_, T>, a: Matrix<'_, T>, b: Matrix<'_, T>) {
    product(target, true, a, b);
}

fn product<T: Real>(target: MatrixMut<'_, T>, add: bool, a: Matrix<'_, T>, b: Matrix<'_, T>) {
    assert!(
        target.rows == a.rows && target.columns == b.columns && a.columns == b.rows,
        "matrix shapes disagree: {}×{} = {}×{} · {}×{}",
        target.rows,
        target.columns,
        a.rows,
        a.columns,
        b.rows,
        b.columns
    );
    if target.rows == 0 || target.columns == 0 {
        return;
    }
    let left = if a.column_stride == 1 {
        Left::rows(a.data, (a.rows, a.columns), a.row_stride)
    } else {
        Left::columns(a.data, (a.rows, a.columns), a.column_stride)
    };
    let row = target.row_stride;
    let target = if add { Target::add(target.data, row) } else { Target::set(target.data, row) };
    T::with_panels(|panels| {
        if b.column_stride == 1 {
            panels.set_strided(b.data, (b.rows, b.columns), b.row_stride);
        } else {
            panels.set_transposed_strided(b.data, (b.columns, b.rows), b.column_stride);
        }
        T::product(target, left, panels.all());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_agree_with_the_definition_in_every_orientation() {
        let (m, n, k) = (5, 7, 3);
        let a: Vec<f64> = (0..m * k).map(|i| (i as f64).sin()).collect();
        let b: Vec<f64> = (0..k * n).map(|i| (i as f64).cos()).collect();
        let expected: Vec<f64> =
            (0..m * n).map(|i| (0..k).map(|p| a[i / n * k + p] * b[p * n + i % n]).sum::<f64>()).collect();
        let a_t: Vec<f64> = (0..m * k).map(|i| a[i % m * k + i / m]).collect();
        let b_t: Vec<f64> = (0..k * n).map(|i| b[i % k * n + i / k]).collect();
        let operands = [
            (Matrix::new(&a, m, k), Matrix::new(&b, k, n)),
            (Matrix::new(&a_t, k, m).t(), Matrix::new(&b, k, n)),
            (Matrix::new(&a, m, k), Matrix::new(&b_t, n, k).t()),
            (Matrix::new(&a_t, k, m).t(), Matrix::new(&b_t, n, k).t()),
        ];
        for (x, y) in operands {
            let mut out = vec![1.0; m * (n + 2)];
            multiply_add(MatrixMut::strided(&mut out, m, n, n + 2), x, y);
            for i in 0..m {
                for j in 0..n {
                    assert!((out[i * (n + 2) + j] - 1.0 - expected[i * n + j]).abs() < 1e-12);
                }
            }
            multiply(MatrixMut::strided(&mut out, m, n, n + 2), x, y);
            assert!((out[0] - expected[0]).abs() < 1e-12);
            assert_eq!(out[n], 1.0, "the gap between rows is not written");
        }
    }

    #[test]
    #[should_panic(expected = "outside its slice")]
    fn a_matrix_cannot_leave_its_slice() {
        Matrix::new(&[0.0_f32; 5], 2, 3);
    }
}
