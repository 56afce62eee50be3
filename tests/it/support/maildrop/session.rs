//! One session of the test server: RFC 1939 with the faults that the test asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write as _;

use super::super::Mail;
use super::super::mail::dot_stuffed;
use super::super::wire::Wire;
use super::mutation::Mutations;
use super::{Behaviour, Capa, Nth, PASSWORD, Quit, Second, Shared, Tls, TokenEnd, Twice};

/// How long it stops in the middle of what it says: long enough that the client has read what came before.
const WHILE: std::time::Duration = std::time::Duration::from_millis(100);

pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) wire: Wire,
    pub(super) record: usize,
    pub(super) behaviour: Behaviour,
    /// The maildrop as it was at login; numbers are indexes plus one.
    mails: Vec<Mail>,
    marked: BTreeSet<usize>,
    retrieved: BTreeSet<usize>,
    /// Messages that DELE has taken out of `mails`.
    taken_out: Vec<Mail>,
    logged_in: bool,
    /// What it was logged in with.
    token: Option<String>,
    given: BTreeMap<String, usize>,
    pub(super) mutations: Option<Mutations>,
    /// What comes before the answers to the next commands.
    late: VecDeque<Vec<u8>>,
    /// What is said while it is not to be sent.
    pub(super) kept_back: Option<Vec<u8>>,
    /// Octets that may still be sent before the problem begins.
    pub(super) left: Option<usize>,
}

/// What comes after a reply.
enum Then {
    Continue,
    Close,
}

impl<'a> Session<'a> {
    pub(super) fn new(shared: &'a Shared, wire: Wire, record: usize) -> Self {
        let behaviour = shared.lock().behaviour.clone();
        let left = behaviour.problem.map(|(after, _)| after);
        let counted = matches!(&behaviour.capa, Capa::Offers(lines) if lines.contains(&"PIPELINING"));
        let mutations = behaviour.mutations.map(|seed| Mutations::new(seed, record, counted));
        Session {
            shared,
            wire,
            record,
            behaviour,
            mails: Vec::new(),
            marked: BTreeSet::new(),
            retrieved: BTreeSet::new(),
            taken_out: Vec::new(),
            logged_in: false,
            token: None,
            given: BTreeMap::new(),
            mutations,
            late: VecDeque::new(),
            kept_back: None,
            left,
        }
    }

    pub(super) fn run(mut self) {
        let greeting = match (self.behaviour.greeting, self.behaviour.imail_texts) {
            (Some(greeting), _) => greeting,
            (None, true) => "+OK X1 NT-POP3 Server (IMail 7.12 48-1)",
            (None, false) => "+OK test maildrop ready",
        };
        self.say(greeting);
        while !self.is_over()
            && let Some(line) = self.wire.line()
        {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.shared.note(self.record, |record| record.commands.push(line.clone()));
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            let times = self.given.entry(verb.clone()).or_default();
            *times += 1;
            let times = *times;
            let here =
                |nth: Option<Nth>| nth.is_some_and(|Nth(name, number)| name == verb && number == times);
            if here(self.behaviour.stall_at) {
                self.shared.lock().stalled = true;
                self.shared.changed.notify_all();
                self.wire.stall();
                return;
            }
            if here(self.behaviour.hold_at) {
                self.shared.hold();
            }
            if here(self.behaviour.cut_at) {
                return;
            }
            if let Some((nth, number)) = self.behaviour.expunges
                && here(Some(nth))
            {
                self.expunge(number);
            }
            if here(self.behaviour.torn_at) {
                return self.tear(&verb, rest);
            }
            if self.behaviour.forgets_what_waits && self.logged_in {
                self.wire.forget_what_waits();
            }
            if let Some(pause) = self.behaviour.answers_after.get(verb.as_str()) {
                std::thread::sleep(*pause);
            }
            if let Some(octets) = self.late.pop_front() {
                self.send(&octets);
            }
            let twice = self.behaviour.answers_twice.clone();
            if let Some(Twice { second, .. }) =
                twice.filter(|twice| twice.verb == verb && twice.nth.contains(&times))
            {
                self.answer_twice(&verb, rest, second);
                continue;
            }
            if let Some((_, octets)) = self.behaviour.adds_late.clone().filter(|(nth, _)| here(Some(*nth))) {
                self.late.push_back(octets);
            }
            if matches!(self.answer(&verb, rest), Then::Close) {
                return;
            }
        }
    }

    fn say(&mut self, line: &str) {
        self.send(format!("{line}\r\n").as_bytes());
    }

    /// One of two texts: what any server says, and what `IMail` says.
    fn ok(&mut self, usual: &str, imail: &str) -> Then {
        let text = if self.behaviour.imail_texts { imail } else { usual };
        self.say(&format!("+OK {text}"));
        Then::Continue
    }

    fn refuse(&mut self, text: &str) -> Then {
        self.say(&format!("-ERR {text}"));
        Then::Continue
    }

    fn answer(&mut self, verb: &str, rest: &str) -> Then {
        if let Some((messages, how)) = self.behaviour.token_lasts
            && self.retrieved.len() >= messages
        {
            if let Some(tokens) = &self.behaviour.tokens {
                tokens.lock().unwrap().retain(|token| Some(token) != self.token.as_ref());
            }
            return match how {
                TokenEnd::Closed => Then::Close,
                TokenEnd::Refused(words) => self.refuse(words),
            };
        }
        let says = &self.behaviour.says;
        let line = format!("{verb} {rest}");
        if let Some(reply) = says.get(line.trim_end()).or_else(|| says.get(verb)).cloned() {
            self.send(&reply);
            return Then::Continue;
        }
        match verb {
            "CAPA" => self.capa(),
            "STLS" => self.stls(),
            "USER" if !self.logged_in => self.ok("go on", "welcome"),
            "PASS" if !self.logged_in => self.log_in(rest == PASSWORD),
            "AUTH" if !self.logged_in => self.auth(rest),
            "QUIT" => self.quit(),
            _ if !self.logged_in => self.refuse("not logged in"),
            "STAT" => {
                let (count, octets) = self.totals();
                self.ok(&format!("{count} {octets}"), &format!("{count} {octets}"))
            }
            "LIST" => self.list(rest),
            "UIDL" if !self.behaviour.no_uidl => self.uidl(rest),
            "RETR" => self.retr(rest),
            "TOP" if !self.behaviour.no_top => self.top(rest),
            "DELE" => self.dele(rest),
            "NOOP" => self.ok("nothing done", "0"),
            "RSET" => {
                self.marked.clear();
                self.ok("unmarked", "0")
            }
            _ => self.refuse("command not understood"),
        }
    }

    fn capa(&mut self) -> Then {
        let Capa::Offers(lines) = self.behaviour.capa.clone() else {
            return self.refuse("invalid command");
        };
        let mut reply = String::from("+OK capabilities follow\r\n");
        for line in lines {
            reply += &format!("{line}\r\n");
        }
        if matches!(self.shared.tls, Tls::Stls(_)) && matches!(self.wire, Wire::Clear(_)) {
            reply += "STLS\r\n";
        }
        self.send(format!("{reply}.\r\n").as_bytes());
        Then::Continue
    }

    fn stls(&mut self) -> Then {
        let Tls::Stls(acceptor) = self.shared.tls.clone() else {
            return self.refuse("command not understood");
        };
        self.say("+OK begin TLS");
        if self.wire.encrypt(&acceptor).is_err() {
            return Then::Close;
        }
        self.shared.note(self.record, |record| record.encrypted = true);
        Then::Continue
    }

    fn auth(&mut self, rest: &str) -> Then {
        let mut words = rest.split(' ');
        let mechanism = words.next();
        let tokens = self.behaviour.tokens.clone().filter(|_| mechanism == Some("XOAUTH2"));
        if mechanism != Some("PLAIN") && tokens.is_none() {
            return self.refuse("mechanism not known");
        }
        let response = if let Some(initial) = words.next() {
            initial.to_owned()
        } else {
            self.say("+ ");
            match self.wire.line() {
                Some(line) => String::from_utf8_lossy(&line).into_owned(),
                None => return Then::Close,
            }
        };
        let decoded =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, response).unwrap_or_default();
        if let Some(tokens) = tokens {
            let text = String::from_utf8_lossy(&decoded);
            let token = text
                .strip_prefix("user=joe\u{1}auth=Bearer ")
                .and_then(|rest| rest.strip_suffix("\u{1}\u{1}"));
            let good = token.is_some_and(|token| tokens.lock().unwrap().contains(token));
            self.token = token.map(str::to_owned);
            return self.log_in(good);
        }
        self.log_in(decoded.ends_with(format!("\0{PASSWORD}").as_bytes()))
    }

    fn log_in(&mut self, right: bool) -> Then {
        if !right {
            return self.refuse("[AUTH] the password is wrong");
        }
        if let Some(reply) = self.behaviour.login_reply {
            self.say(reply);
            return Then::Continue;
        }
        self.logged_in = true;
        self.mails = self.shared.lock().mails.clone();
        self.mails.truncate(self.behaviour.shows_at_once.unwrap_or(usize::MAX));
        self.shared.note(self.record, |record| record.logged_in = true);
        self.ok("logged in", "maildrop locked and ready")
    }

    /// The message with this number, if there is one that is not marked.
    fn numbered(&self, text: &str) -> Option<(usize, Mail)> {
        let number: usize = text.trim().parse().ok()?;
        let mail = self.mails.get(number.checked_sub(1)?)?;
        (!self.marked.contains(&number)).then(|| (number, mail.clone()))
    }

    fn totals(&self) -> (usize, usize) {
        let left = self.unmarked();
        (left.len(), left.iter().map(|(_, mail)| mail.wire.len()).sum())
    }

    fn unmarked(&self) -> Vec<(usize, &Mail)> {
        (1..).zip(&self.mails).filter(|(number, _)| !self.marked.contains(number)).collect()
    }

    fn list(&mut self, rest: &str) -> Then {
        let size = |mail: &Mail| mail.listed_size.clone().unwrap_or_else(|| mail.wire.len().to_string());
        if !rest.is_empty() {
            let Some((number, mail)) = self.numbered(rest) else { return self.refuse("no such message") };
            let text = format!("{number} {}", size(&mail));
            return self.ok(&text, &text);
        }
        let (count, octets) = self.totals();
        let mut reply = format!("+OK {count} messages ({octets} octets)\r\n").into_bytes();
        for (number, mail) in self.unmarked() {
            let _ = write!(reply, "{number} {}\r\n", size(mail));
        }
        reply.extend_from_slice(b".\r\n");
        self.send(&reply);
        Then::Continue
    }

    fn uidl(&mut self, rest: &str) -> Then {
        if !rest.is_empty() {
            let Some((number, mail)) = self.numbered(rest) else { return self.refuse("no such message") };
            let text = format!("{number} {}", String::from_utf8_lossy(&mail.uid));
            return self.ok(&text, &text);
        }
        let mut reply = b"+OK unique-ids follow\r\n".to_vec();
        for (number, mail) in self.unmarked() {
            let _ = write!(reply, "{number} ");
            reply.extend_from_slice(&mail.uid);
            reply.extend_from_slice(b"\r\n");
        }
        reply.extend_from_slice(b".\r\n");
        self.send(&reply);
        Then::Continue
    }

    fn retr(&mut self, rest: &str) -> Then {
        let Some((number, mail)) = self.numbered(rest) else { return self.refuse("no such message") };
        let mut mail = self.shown(mail);
        if self.behaviour.intrudes_once.contains(&mail.uid)
            && self.shared.lock().intruded.insert(mail.uid.clone())
        {
            mail.wire.extend_from_slice(b"+OK 35 26667519\r\n");
        }
        if self.behaviour.refuse_retr.contains(&mail.uid) {
            return self.refuse("this message cannot be read");
        }
        if self.behaviour.hangs_up_at.contains(&mail.uid) {
            return Then::Close;
        }
        self.retrieved.insert(number);
        let mut reply = format!("+OK {} octets\r\n", mail.wire.len()).into_bytes();
        if self.behaviour.empty_retr.contains(&mail.uid) {
            reply.extend_from_slice(b".\r\n");
        } else if self.behaviour.unstuffed {
            reply.extend_from_slice(&mail.wire);
            reply.extend_from_slice(b".\r\n");
        } else {
            reply.extend_from_slice(&dot_stuffed(&mail.wire));
        }
        if self.behaviour.unstuffed
            && self.behaviour.pauses_at_dot
            && let Some(at) = reply.windows(5).position(|octets| octets == b"\r\n.\r\n")
            && at + 5 < reply.len()
        {
            let rest = reply.split_off(at + 5);
            self.send(&reply);
            std::thread::sleep(WHILE);
            reply = rest;
        }
        if let (Some(pause), 100_000..) = (self.behaviour.pause_in_retr, reply.len()) {
            let rest = reply.split_off(reply.len() / 2);
            self.send(&reply);
            std::thread::sleep(pause);
            reply = rest;
        }
        self.send(&reply);
        Then::Continue
    }

    fn top(&mut self, rest: &str) -> Then {
        let (number, lines) = rest.split_once(' ').unwrap_or((rest, "0"));
        let Some((_, mail)) = self.numbered(number) else { return self.refuse("no such message") };
        let mail = self.shown(mail);
        let mut shown = mail.header().to_vec();
        let body = &mail.wire[shown.len()..];
        let lines: usize = lines.parse().unwrap_or(0);
        shown.extend(body.split_inclusive(|&octet| octet == b'\n').take(lines).flatten());
        if let Some(other) = self.behaviour.top_shows.get(&mail.uid) {
            shown.clone_from(other);
        }
        let mut reply = b"+OK the top follows\r\n".to_vec();
        reply.extend_from_slice(&dot_stuffed(&shown));
        self.send(&reply);
        Then::Continue
    }

    fn dele(&mut self, rest: &str) -> Then {
        let Some((number, mail)) = self.numbered(rest) else { return self.refuse("no such message") };
        if self.behaviour.refuse_dele.contains(&mail.uid) {
            return self.refuse("this message stays");
        }
        if self.behaviour.renumbers_at_dele {
            self.taken_out.push(self.mails.remove(number - 1));
        } else {
            self.marked.insert(number);
        }
        self.ok("marked", "msg deleted")
    }

    fn quit(&mut self) -> Then {
        let quit = if self.logged_in { self.behaviour.quit } else { Quit::Commits };
        if self.logged_in && matches!(quit, Quit::Commits | Quit::CommitsSilently) {
            let mut gone = self.marked.clone();
            if self.behaviour.purges_what_was_retrieved {
                gone.extend(&self.retrieved);
            }
            // By identity: mail may have arrived meanwhile, and unique-ids may be equal.
            let mut gone: Vec<Mail> = gone.iter().map(|number| self.mails[number - 1].clone()).collect();
            gone.append(&mut self.taken_out);
            let mut state = self.shared.lock();
            for mail in gone {
                if let Some(at) = state.mails.iter().position(|there| *there == mail) {
                    state.mails.remove(at);
                }
            }
        }
        match quit {
            Quit::Commits | Quit::Pretends => drop(self.ok("bye", "POP3 Server saying Good-Bye")),
            Quit::Refuses => drop(self.refuse("some messages were not removed")),
            Quit::Drops | Quit::CommitsSilently => {}
        }
        Then::Close
    }

    /// Another client deletes a message: it is gone from this session, too.
    fn expunge(&mut self, number: usize) {
        if number > self.mails.len() {
            return;
        }
        let gone = self.mails.remove(number - 1);
        let moved = |marked: &usize| if *marked > number { marked - 1 } else { *marked };
        self.marked = self.marked.iter().filter(|marked| **marked != number).map(moved).collect();
        let mut state = self.shared.lock();
        state.mails.retain(|mail| *mail != gone);
        if let Some(new) = self.behaviour.delivers.take() {
            state.behaviour.delivers = None;
            state.mails.push(new.clone());
            self.mails.push(new);
        }
        state.behaviour.expunges = None;
        self.behaviour.expunges = None;
    }

    /// Answers, and a second time in the same words.
    fn answer_twice(&mut self, verb: &str, rest: &str, second: Second) {
        self.kept_back = Some(Vec::new());
        let _ = self.answer(verb, rest);
        let mut answer = self.kept_back.take().unwrap_or_default();
        match second {
            Second::AtOnce => answer.extend_from_within(..),
            Second::BeforeNext => self.late.push_back(answer.clone()),
            Second::InPieces => {
                let (line, rest) =
                    answer.split_at(answer.iter().position(|&octet| octet == b'\n').unwrap() + 1);
                self.late.extend([line.to_vec(), rest.to_vec()]);
            }
        }
        self.send(&answer);
    }

    /// Sends the first half of what the answer to RETR would be, then nothing more.
    fn tear(&mut self, verb: &str, rest: &str) {
        assert_eq!(verb, "RETR", "only a RETR's reply can be torn");
        if let Some((_, mail)) = self.numbered(rest) {
            let mut reply = format!("+OK {} octets\r\n", mail.wire.len()).into_bytes();
            let body = dot_stuffed(&mail.wire);
            reply.extend_from_slice(&body[..body.len() / 2]);
            self.send(&reply);
        }
    }
}
