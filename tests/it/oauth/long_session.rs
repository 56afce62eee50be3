//! A session ends with its token (Google's last an hour): the same run gets a new token and goes on in a new session.

use super::Scene;
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, TokenEnd};
use crate::support::oauth_server::{Rotation, taking};
use crate::support::{Behaviour, Mail};

/// A first backup of so many messages whose token ends after every third.
fn first_backup(count: usize, how: TokenEnd, pipelining: bool) {
    let scene = Scene::signed_in();
    scene.provider.state().rotation = Rotation::AtOnce;
    let server = scene.server.as_ref().unwrap();
    server.state().mails = Mail::some(count);
    let mut behaviour = Behaviour { token_lasts: Some((3, how)), ..taking(scene.provider.good()) };
    if !pipelining {
        behaviour.capa = Capa::Offers(vec!["TOP", "UIDL", "SASL XOAUTH2"]);
    }
    server.behave(behaviour);
    server.take_sessions();
    let account = scene.sandbox.fetch();
    assert_eq!((&account["listed"], &account["archived"]), (&count.into(), &count.into()), "{how:?}");
    assert_same_mail(scene.sandbox.maildir("work"), stored_forms(&Mail::some(count)));
    let sessions = server.take_sessions().into_iter().filter(|session| session.logged_in).count();
    assert!(scene.provider.refreshes() >= sessions - 1, "{how:?}: a token each");
    assert!(sessions >= count.div_ceil(3), "{how:?}: {sessions} sessions");
    if !pipelining {
        assert_eq!(scene.provider.refreshes(), sessions - 1, "{how:?}");
    }
    scene.sandbox.fetch();
    scene.assert_tidy();
}

#[test]
fn closed_by_the_server() {
    for count in [9, 11] {
        first_backup(count, TokenEnd::Closed, true);
        first_backup(count, TokenEnd::Closed, false);
    }
}

#[test]
fn refused_by_the_server() {
    for words in [
        "[AUTH] the access token has expired",
        "Session expired, please login again",
        "AccessTokenExpired; token is expired",
    ] {
        for count in [9, 11] {
            first_backup(count, TokenEnd::Refused(words), true);
            first_backup(count, TokenEnd::Refused(words), false);
        }
    }
}
