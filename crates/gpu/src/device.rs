//! Which device computes, by name.

use model::Model;
use model::engine::Engine;
use std::fmt;
use std::str::FromStr;

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The first graphics processor that this build and this machine have, else the cpu.
    #[default]
    Auto,
    /// The model's own engine.
    Cpu,
    /// A device with a Vulkan driver: discrete graphics processors first, then integrated ones, virtual ones, and
    /// drivers in software.
    Vulkan(usize),
    /// An NVIDIA processor.
    Cuda(usize),
    /// Burn's own engine for ordinary processors.
    Flex,
}

/// Why a device cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no device has.
    #[error("unknown device {0:?}; known are auto, cpu, vulkan:0, cuda:0 (and further numbers), flex")]
    Unknown(String),
    /// A device whose backend this program was built without.
    #[error(
        "this program was built without {device}; build it with: cargo install --path crates/osler --features {feature}"
    )]
    NotBuilt {
        /// The device.
        device: Device,
        /// The feature of `osler` that adds it.
        feature: &'static str,
    },
    /// A number beyond the devices found.
    #[error("there is no {device}: found {found}; is its driver installed?")]
    Missing {
        /// The device.
        device: Device,
        /// What was found.
        found: String,
    },
    /// The driver refused.
    #[error("{device} could not be opened: {reason}")]
    Refused {
        /// The device.
        device: Device,
        /// What the driver said.
        reason: String,
    },
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let unknown = || Error::Unknown(name.to_owned());
        match name.split_once(':').unwrap_or((name, "0")) {
            ("auto", "0") if name == "auto" => Ok(Device::Auto),
            ("cpu", "0") if name == "cpu" => Ok(Device::Cpu),
            ("flex", "0") if name == "flex" => Ok(Device::Flex),
            ("vulkan", number) => Ok(Device::Vulkan(number.parse().map_err(|_| unknown())?)),
            ("cuda", number) => Ok(Device::Cuda(number.parse().map_err(|_| unknown())?)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Auto => f.write_str("auto"),
            Device::Cpu => f.write_str("cpu"),
            Device::Vulkan(number) => write!(f, "vulkan:{number}"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
            Device::Flex => f.write_str("flex"),
        }
    }
}

impl Device {
    /// What `auto` means here; any other device itself.
    pub fn resolve(self) -> Device {
        if self != Device::Auto {
            return self;
        }
        #[cfg(feature = "cuda")]
        if cuda::count() > 0 {
            return Device::Cuda(0);
        }
        #[cfg(feature = "vulkan")]
        if vulkan::kinds().first().is_some_and(|kind| *kind != burn::DeviceKind::Cpu) {
            return Device::Vulkan(0);
        }
        Device::Cpu
    }

    /// An engine for models of this shape on the device, without weights until they are loaded; none for the cpu,
    /// which is the model's own.
    ///
    /// # Errors
    /// [`Error::NotBuilt`] without the backend's feature, [`Error::Missing`] and [`Error::Refused`] without the device.
    pub fn open(self, model: &Model) -> Result<Option<Box<dyn Engine>>, Error> {
        match self.resolve() {
            Device::Auto | Device::Cpu => Ok(None),
            #[cfg(feature = "vulkan")]
            Device::Vulkan(number) => Ok(Some(engine(vulkan::open(number)?, model))),
            #[cfg(feature = "cuda")]
            Device::Cuda(number) => Ok(Some(engine(cuda::open(number)?, model))),
            #[cfg(feature = "flex")]
            Device::Flex => Ok(Some(engine(burn::Device::flex(), model))),
            #[cfg(not(all(feature = "vulkan", feature = "cuda", feature = "flex")))]
            device => {
                let _ = model;
                let feature = match device {
                    Device::Cuda(_) => "cuda",
                    Device::Flex => "gpu/flex",
                    _ => "gpu",
                };
                Err(Error::NotBuilt { device, feature })
            }
        }
    }
}

#[cfg(backend)]
fn engine(device: burn::Device, model: &Model) -> Box<dyn Engine> {
    Box::new(crate::engine::Burn::new(device, model))
}

#[cfg(feature = "vulkan")]
mod vulkan {
    use super::{Device, Error};
    use burn::wgpu::{WgpuBackend, WgpuInitError};
    use burn::{DeviceKind, DeviceType};

    /// The devices with a Vulkan driver, in the order of their numbers.
    pub(super) fn kinds() -> Vec<DeviceKind> {
        let found = burn::Device::enumerate(DeviceType::Vulkan).into_vec();
        let kind = |device: &burn::Device| {
            let of_number =
                |n| [DeviceKind::DiscreteGpu(n), DeviceKind::IntegratedGpu(n), DeviceKind::VirtualGpu(n)];
            let mut known = (0..found.len()).flat_map(of_number).chain([DeviceKind::Cpu]);
            known.find(|kind| burn::Device::vulkan(kind.clone()) == *device)
        };
        found.iter().filter_map(kind).collect()
    }

    pub(super) fn open(number: usize) -> Result<burn::Device, Error> {
        let device = Device::Vulkan(number);
        let kinds = kinds();
        let Some(kind) = kinds.get(number) else {
            let found = match kinds.len() {
                0 => "no Vulkan device".to_owned(),
                n => format!("vulkan:0 to vulkan:{}", n - 1),
            };
            return Err(Error::Missing { device, found });
        };
        let options = burn::Device::wgpu_options();
        match options.device_kind(kind.clone()).graphics_api(WgpuBackend::Vulkan).init() {
            Ok(device) => Ok(device),
            // In use already, by this process.
            Err(WgpuInitError::Registration { .. }) => Ok(burn::Device::vulkan(kind.clone())),
            Err(error) => Err(Error::Refused { device, reason: error.to_string() }),
        }
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use super::{Device, Error};

    pub(super) fn count() -> usize {
        burn::Device::enumerate(burn::DeviceType::Cuda).len()
    }

    pub(super) fn open(number: usize) -> Result<burn::Device, Error> {
        match count() {
            found if number < found => Ok(burn::Device::cuda(number)),
            found => {
                let found = format!("{found} CUDA devices");
                Err(Error::Missing { device: Device::Cuda(number), found })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        for name in ["auto", "cpu", "vulkan:0", "vulkan:3", "cuda:1", "flex"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        for name in ["", "gpu", "vulkan:", "vulkan:-1", "cpu:1", "cuda:x", "cpu:0"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }

    #[cfg(not(backend))]
    #[test]
    fn an_absent_backend_says_how_to_build_it() {
        let config = model::Config::of_size(model::Size::Tiny, 4, 0, None, &[]);
        let model = Model::new(config, 1).unwrap();
        let said = |device: Device| device.open(&model).err().unwrap().to_string();
        assert!(said(Device::Vulkan(0)).contains("--features gpu"));
        assert!(said(Device::Cuda(0)).contains("--features cuda"));
        assert!(Device::Auto.open(&model).unwrap().is_none());
    }
}
