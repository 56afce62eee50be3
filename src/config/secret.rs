use super::Account;
/// Why the secret could not be had.
#[derive(Debug, thiserror::Error)]
#[error("secret")]
pub struct SecretError {}
impl SecretError {
    /// The exit code.
    pub fn exit(&self) -> crate::exit::Exit { todo!() }
}
/// Reads the account's secret.
pub fn obtain(_account: &Account) -> Result<secrecy::SecretString, SecretError> { todo!() }
