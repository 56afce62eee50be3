use super::{NetError, TlsSettings, Transport};
use std::time::Duration;
/// Connects.
pub fn connect(_host: &str, _port: u16, _tls: Option<&TlsSettings>, _timeout: Duration) -> Result<Box<dyn Transport>, NetError> { todo!() }
