//! The patient model on graphics processors, through [Burn](https://burn.dev).
//!
//! The same weights, the same batches, the same losses as the model's own engine; gradients by Burn's automatic
//! differentiation. [`Device::open`] gives a [`model::engine::Engine`] for `train_on` and `Model::on`; windows,
//! dropout, the optimiser, averaging and checkpoints stay with the model, on the host.
//!
//! What may enter: devices and tensors. What may not: records, files, printing, another optimiser. Without one of
//! the features `vulkan`, `cuda` or `flex` there is no Burn in the build, and every device but `cpu` is refused with
//! the command that builds it.
//!
//! ```
//! use gpu::Device;
//!
//! let device: Device = "vulkan:0".parse()?;
//! let mut engine = device.open(&model)?; // None for the model's own
//! train_on(engine.as_deref_mut(), model, (data, tuning), &options, None, &mut Silent)?;
//! ```

mod device;
#[cfg(backend)]
mod engine;
#[cfg(backend)]
mod heads;
#[cfg(backend)]
mod layers;
#[cfg(backend)]
mod upload;
#[cfg(backend)]
mod weights;

pub use device::{Device, Error};
