//! Prints `docs/synth/figures.md`.

fn main() {
    print!("{}", synth::condition::figures());
}
