use super::NetError;
use std::path::Path;
/// TLS settings.
pub struct TlsSettings {}
impl TlsSettings {
    /// Reads them.
    pub fn new(_server_name: &str, _ca_file: Option<&Path>) -> Result<TlsSettings, NetError> { todo!() }
}
