//! `init`: from an address to a configuration that works, by questions or by options.

use crate::support::dovecot::Dovecot;
use crate::support::maildrop::PASSWORD;
use crate::support::{Mail, Sandbox};

#[test]
fn questions_and_answers_lead_to_mail() {
    let Some(dovecot) = Dovecot::start(&["jane@corp.example"]) else { return };
    for (number, mail) in Mail::some(3).into_iter().enumerate() {
        dovecot.deliver("jane@corp.example", &format!("{number}.mail"), &mail.stored());
    }
    let sandbox = Sandbox::new();
    let ca = dovecot.ca_file();
    let mut terminal = sandbox.popkeep(["init", "--tls-ca-file", ca.to_str().unwrap()]).on_terminal(80, 100);
    terminal.expect("Mail address:").enter("jane@corp.example");
    terminal.expect("Host:").enter("localhost");
    terminal.expect("TLS").expect(":").enter("");
    terminal.expect("Port [995]:").enter(&dovecot.tls_port().to_string());
    terminal.expect("User name [jane@corp.example]:").enter("");
    terminal.expect("Password (not shown):").enter_unseen("wrong");
    terminal.expect("User name [jane@corp.example]:").enter("");
    terminal.expect("Password (not shown):").enter_unseen(PASSWORD);
    terminal.expect("Name of the account [corp]:").enter("");
    terminal.expect("Format").expect(":").enter("");
    terminal.expect("Keep the mail in [~/Mail/corp]:").enter("");
    terminal.expect("Delete").expect(":").enter("");
    terminal.expect("1, 2 or 3").expect(":").enter("2");
    terminal.expect("File [~/.config/popkeep/corp.password]:").enter("");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    assert!(!ended.raw.contains(PASSWORD));
    println!("{}", ended.screen);
    println!("{}", std::fs::read_to_string(sandbox.config_file()).unwrap());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}
