//! Places that a person can be found by: addresses, towns, hospitals, employers.

mod address;
mod facility;
mod geography;
mod misread;
mod organization;
mod uniform;

pub use geography::code_after;

use super::page::Page;

/// Finds them. Facilities come before towns, since they hold their names.
pub fn find(page: &mut Page, countries: bool) {
    address::find(page);
    facility::find(page);
    organization::find(page);
    geography::find(page, countries);
}
