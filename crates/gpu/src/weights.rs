//! Named weights on the device, and their gradients.
//!
//! All are matrices there: vectors have one row, and of higher ranks all but the last dimension are rows.

use burn::{Device, Tensor, TensorData};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

/// A weight in the model's arena.
struct Place {
    range: Range<usize>,
    rows: usize,
    columns: usize,
    /// Whether the device needs it.
    computes: bool,
}

/// Where each weight lies in the arena.
pub(crate) struct Places {
    by_name: HashMap<String, usize>,
    places: Vec<Place>,
    len: usize,
}

impl Places {
    /// Of weights in file order; those named in `host` never go to the device.
    pub(crate) fn new<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])>, host: &[&str]) -> Self {
        let mut all = Places { by_name: HashMap::new(), places: Vec::new(), len: 0 };
        for (name, shape) in tensors {
            let n: usize = shape.iter().product();
            let columns = shape.last().copied().unwrap_or(1).max(1);
            let range = all.len..all.len + n;
            all.len += n;
            all.by_name.insert(name.to_owned(), all.places.len());
            all.places.push(Place { range, rows: n / columns, columns, computes: !host.contains(&name) });
        }
        all
    }

    /// Numbers in the arena.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn range(&self, name: &str) -> Option<Range<usize>> {
        self.by_name.get(name).map(|i| self.places[*i].range.clone())
    }
}

/// The weights on a device.
pub(crate) struct Weights {
    places: Places,
    /// By place; none where the device needs none, or nothing was uploaded yet.
    tensors: Vec<Option<Tensor<2>>>,
}

impl Weights {
    pub(crate) fn new(places: Places) -> Self {
        Weights { tensors: places.places.iter().map(|_| None).collect(), places }
    }

    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// Copies an arena to the device.
    pub(crate) fn upload(&mut self, arena: &[f32], device: &Device) {
        for (place, tensor) in self.places.places.iter().zip(&mut self.tensors) {
            *tensor = place.computes.then(|| {
                let values = arena[place.range.clone()].to_vec();
                Tensor::from_data(TensorData::new(values, [place.rows, place.columns]), device)
            });
        }
    }

    /// To compute with, without gradients.
    pub(crate) fn plain(&self) -> View<'_> {
        View { weights: self, leaves: None }
    }

    /// To compute with, every weight used becoming a leaf.
    pub(crate) fn tracked(&self) -> View<'_> {
        View { weights: self, leaves: Some(RefCell::default()) }
    }
}

/// The weights as one piece of the computation sees them.
pub(crate) struct View<'w> {
    weights: &'w Weights,
    leaves: Option<RefCell<Vec<(usize, Tensor<2>)>>>,
}

impl View<'_> {
    /// A weight that isn't trained.
    pub(crate) fn constant(&self, name: &str) -> Tensor<2> {
        self.loaded(name).1
    }

    fn loaded(&self, name: &str) -> (usize, Tensor<2>) {
        let index = self.weights.places.by_name.get(name).copied();
        let found = index.and_then(|i| self.weights.tensors[i].clone().map(|tensor| (i, tensor)));
        found.unwrap_or_else(|| unreachable!("{name} is not on the device"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.weights.places.by_name.contains_key(name)
    }

    /// A weight that the model's layout has, once weights are loaded.
    pub(crate) fn get(&self, name: &str) -> Tensor<2> {
        let (index, tensor) = self.loaded(name);
        let Some(leaves) = &self.leaves else { return tensor };
        let leaf = tensor.autodiff().require_grad();
        leaves.borrow_mut().push((index, leaf.clone()));
        leaf
    }

    /// Which weights were used, as leaves.
    pub(crate) fn into_leaves(self) -> Vec<(usize, Tensor<2>)> {
        self.leaves.map(RefCell::into_inner).unwrap_or_default()
    }
}

/// The sum of gradients so far, by weight; none where there was none.
pub(crate) struct Sums(Vec<Option<Tensor<2>>>);

impl Sums {
    pub(crate) fn new(places: &Places) -> Self {
        Sums(places.places.iter().map(|_| None).collect())
    }

    pub(crate) fn add(&mut self, index: usize, gradient: Tensor<2>) {
        let sum = &mut self.0[index];
        *sum = Some(match sum.take() {
            Some(sum) => sum + gradient,
            None => gradient,
        });
    }

    /// Reads all into an arena.
    pub(crate) fn read(self, places: &Places, arena: &mut [f32]) -> Result<(), String> {
        arena.fill(0.0);
        for (sum, place) in self.0.into_iter().zip(&places.places) {
            let Some(sum) = sum else { continue };
            arena[place.range.clone()].copy_from_slice(&read(sum)?);
        }
        Ok(())
    }
}

/// Reads a tensor back to the host.
pub(crate) fn read(tensor: Tensor<2>) -> Result<Vec<f32>, String> {
    tensor.try_into_vec_as::<f32>().map_err(|e| e.to_string())
}
