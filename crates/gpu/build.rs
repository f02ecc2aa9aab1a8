//! Names the condition "some backend of Burn is built" once.

// Cargo tells a build script its features in the environment.
#[allow(clippy::disallowed_methods)]
fn main() {
    println!("cargo::rustc-check-cfg=cfg(backend)");
    println!("cargo::rerun-if-changed=build.rs");
    let built = ["VULKAN", "CUDA", "FLEX"]
        .into_iter()
        .any(|feature| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some());
    if built {
        println!("cargo::rustc-cfg=backend");
    }
}
