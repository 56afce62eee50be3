//! Good copies from Maildirs, mboxes and folders of .eml files.
//!
//! A copy is good when its hash is the recorded one. Only when no such copy is found in any of the places, one will do
//! that differs in the headers that servers write into mail.

use super::found::Attendant;
use super::mender::{Mender, RepairError};
use crate::archive::collection::{self, Found};
use crate::stop;
use crate::text::safe::escape;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Takes what it can from these places, for [`Mender::commit`] to deliver.
pub(super) fn repair(
    mender: &mut Mender<'_>,
    places: &[PathBuf],
    attendant: &mut dyn Attendant,
) -> Result<(), RepairError> {
    for exactly in [true, false] {
        for place in places {
            if mender.is_done() {
                return Ok(());
            }
            let mut outcome = Ok(());
            collection::each(
                place,
                &mut |found| match offer(mender, found, exactly) {
                    Ok(()) if mender.is_done() => ControlFlow::Break(()),
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        outcome = Err(error);
                        ControlFlow::Break(())
                    }
                },
                &mut |path, error| {
                    if exactly {
                        let path = escape(path.as_os_str().as_encoded_bytes());
                        attendant.note(&format!("cannot read {path} ({error})"));
                    }
                },
            );
            outcome?;
        }
    }
    Ok(())
}

/// Takes a message if it is one that is wanted.
fn offer(mender: &mut Mender<'_>, found: &Found, exactly: bool) -> Result<(), RepairError> {
    stop::check()?;
    for (form, digest) in &found.forms {
        let Some(target) = mender.wants(digest, exactly) else { continue };
        mender.begin()?;
        let mut written = Ok(());
        let read = found.read(*form, &mut |octets| {
            if written.is_ok() {
                written = mender.write(octets);
            }
        });
        written?;
        // It may have changed meanwhile, or become unreadable: then it is not taken.
        if read.is_ok() {
            mender.take(target, exactly)?;
        } else {
            mender.discard()?;
        }
        return Ok(());
    }
    Ok(())
}
