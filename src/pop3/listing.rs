//! Listings.
/// A listing.
#[derive(Debug, Default)]
pub struct Listing {}
/// A listed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> { /// Number.
    pub number: u32, /// Size.
    pub size: Option<u64>, /// UID.
    pub uid: Option<&'a [u8]> }
impl Listing {
    /// How many.
    pub fn len(&self) -> usize { 0 }
    /// Whether none.
    pub fn is_empty(&self) -> bool { true }
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> { std::iter::empty() }
}
