//! The TRANSACTION state's listings: STAT, UIDL and LIST.
//!
//! Promises: nothing rides behind a listing, only UIDL behind STAT where the server pipelines; what the server
//! refuses is left out, and only if it refuses all of it there is no listing. Where there is nothing to list, a
//! listing without its dot is waited for briefly, and is empty.

use super::transaction::refusal;
use super::{Session, SessionError, Transaction};
use crate::pop3::command::Command;
use crate::pop3::dialogue::Event;
use crate::pop3::listing::{Listing, ListingBuilder, ListingError, parse_stat};
use crate::pop3::refusal::is_about_the_account;
use crate::pop3::reply::Reply;
use std::time::Instant;

impl Session<Transaction> {
    /// The union of STAT, UIDL and LIST. A refused UIDL leaves out the UIDs, a refused LIST the sizes; if all
    /// three fail it is [`SessionError::Refused`].
    pub fn listing(&mut self) -> Result<Listing, SessionError> {
        self.collect(&[Command::Stat, Command::Uidl(None), Command::List(None)])
    }

    /// STAT, and UIDL or LIST, asked again in the course of a session. What STAT says replaces what it said before.
    pub fn listing_again(&mut self, by_uid: bool) -> Result<Listing, SessionError> {
        let second = if by_uid { Command::Uidl(None) } else { Command::List(None) };
        self.state.stat = None;
        self.collect(&[Command::Stat, second])
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
        let mut builder = ListingBuilder::counted(self.state.stat.map(|(count, _)| count));
        let mut refused = None;
        let mut answered = false;
        let ends_a_turn = |command: &Command<'_>| *command != Command::Stat || !self.state.pipelining;
        let turns: Vec<&[Command<'_>]> = commands.split_inclusive(ends_a_turn).collect();
        for together in turns {
            for command in together {
                self.wire.send(command)?;
            }
            self.state.most_on_wire = self.state.most_on_wire.max(together.len());
            self.wire.flush(together[0].keyword())?;
            let mut asked = Some(Instant::now());
            for command in together {
                let reply = self.hear_part(command, &mut builder, &mut asked)?;
                if self.wire.has_ended_a_listing() {
                    // There is nothing to list, and the next one would only have to be waited for as well.
                    return Ok(builder.finish()?);
                }
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
        asked: &mut Option<Instant>,
    ) -> Result<Reply, SessionError> {
        let during = command.keyword();
        let Event::Status { reply, more } = self.wire.event(during)? else {
            return Err(self.wire.fail(SessionError::Order("a listing began in its middle")));
        };
        if let Some(asked) = asked.take() {
            let turn = asked.elapsed();
            self.state.turn = Some(self.state.turn.map_or(turn, |shortest| shortest.min(turn)));
        }
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
        let empty = self.state.stat.map(|stat| stat.0) == Some(0) || says_none(reply.text());
        if more && empty {
            match self.wire.line_of_nothing(during)? {
                None => return Ok(reply),
                Some(range) => {
                    let added: Result<(), ListingError> = add(builder, self.wire.octets(range));
                    added.map_err(|error| self.wire.fail(SessionError::Listing(error)))?;
                }
            }
        }
        while more && let Event::Line(range) = self.wire.event(during)? {
            let added: Result<(), ListingError> = add(builder, self.wire.octets(range));
            added.map_err(|error| self.wire.fail(SessionError::Listing(error)))?;
        }
        Ok(reply)
    }
}

/// Whether the text of a listing's status line begins with a count of none.
fn says_none(text: &[u8]) -> bool {
    text.split(u8::is_ascii_whitespace).next() == Some(b"0")
}
