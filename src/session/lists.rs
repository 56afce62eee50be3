//! The TRANSACTION state's listings: STAT, UIDL and LIST.
//!
//! Promises: one turn where the server pipelines; what the server refuses is left out, and only if it refuses
//! all of it there is no listing.

use super::authorization::hear_capabilities;
use super::transaction::refusal;
use super::{Session, SessionError, Transaction};
use crate::pop3::command::Command;
use crate::pop3::dialogue::Event;
use crate::pop3::listing::{Listing, ListingBuilder, ListingError, parse_stat};
use crate::pop3::refusal::is_about_the_account;
use crate::pop3::reply::Reply;

impl Session<Transaction> {
    /// The union of STAT, UIDL and LIST, in one turn with pipelining, CAPA before them where it
    /// was not sent since the login. A refused UIDL leaves out
    /// the UIDs, a refused LIST the sizes; if all three fail it is [`SessionError::Refused`].
    pub fn listing(&mut self) -> Result<Listing, SessionError> {
        self.collect(&[Command::Stat, Command::Uidl(None), Command::List(None)])
    }

    /// LIST alone.
    pub fn scan_listing(&mut self) -> Result<Listing, SessionError> {
        self.collect(&[Command::List(None)])
    }

    /// UIDL alone.
    pub fn unique_ids(&mut self) -> Result<Listing, SessionError> {
        self.collect(&[Command::Uidl(None)])
    }

    fn collect(&mut self, commands: &[Command<'_>]) -> Result<Listing, SessionError> {
        self.check_idle()?;
        self.state.stat = None;
        let mut builder = ListingBuilder::new();
        let mut refused = None;
        // Due only where CAPA offered PIPELINING before the login, on the same connection.
        let capabilities_due = std::mem::take(&mut self.state.capabilities_due);
        let at_once = capabilities_due || self.state.pipelining;
        let turn = if at_once { commands.len() } else { 1 };
        self.state.most_on_wire = self.state.most_on_wire.max(turn);
        let mut answered = false;
        for together in commands.chunks(turn) {
            if capabilities_due {
                self.wire.send(&Command::Capa)?;
            }
            for command in together {
                self.wire.send(command)?;
            }
            self.wire.flush(together[0].keyword())?;
            if capabilities_due {
                self.state.capabilities = hear_capabilities(&mut self.wire)?;
                self.state.pipelining = self.state.pipeline.with(&self.state.capabilities);
            }
            for command in together {
                let reply = self.hear_part(command, &mut builder)?;
                if is_about_the_account(&reply) {
                    return Err(self.wire.fail(SessionError::TryLater { during: command.keyword(), reply }));
                }
                let readable = *command != Command::Stat || parse_stat(reply.text()).is_some();
                if reply.is_ok() && readable {
                    answered = true;
                } else {
                    refused = Some((command.keyword(), reply));
                }
            }
        }
        match refused {
            Some((command, reply)) if !answered => Err(refusal(command, reply)),
            _ => Ok(builder.finish()?),
        }
    }

    /// One command's part of a listing.
    fn hear_part(
        &mut self,
        command: &Command<'_>,
        builder: &mut ListingBuilder,
    ) -> Result<Reply, SessionError> {
        let during = command.keyword();
        let Event::Status { reply, more } = self.wire.event(during)? else {
            return Err(self.wire.fail(SessionError::Order("a listing began in its middle")));
        };
        if !reply.is_ok() {
            return Ok(reply);
        }
        let add = match command {
            Command::Uidl(_) => {
                builder.uids_follow();
                ListingBuilder::uidl_line
            }
            Command::List(_) => {
                builder.sizes_follow();
                ListingBuilder::list_line
            }
            _ => {
                builder.stat(reply.text());
                self.state.stat = parse_stat(reply.text());
                return Ok(reply);
            }
        };
        while more && let Event::Line(range) = self.wire.event(during)? {
            let added: Result<(), ListingError> = add(builder, self.wire.octets(range));
            added.map_err(|error| self.wire.fail(SessionError::Listing(error)))?;
        }
        Ok(reply)
    }
}
