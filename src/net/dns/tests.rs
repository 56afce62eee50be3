//! Answers of good, broken and hostile name servers.

use super::message::{Kind, Record, Unusable, answer, question};
use super::{ask, servers_of};
use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const NAME: &str = "_pop3s._tcp.example.com";

/// The start of an answer to `question`: the same, with other flags and so many records to come.
fn reply(question: &[u8], flags: u16, records: u16) -> Vec<u8> {
    let mut reply = question.to_vec();
    reply[2..4].copy_from_slice(&flags.to_be_bytes());
    reply[6..8].copy_from_slice(&records.to_be_bytes());
    reply
}

/// A record whose owner is the question's name, by a pointer.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut record = vec![0xc0, 12];
    record.extend(kind.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 60]);
    record.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    record.extend(data);
    record
}

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut name: Vec<u8> =
        labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    name.push(0);
    name
}

fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Vec<u8> {
    let numbers = [priority, weight, port].map(u16::to_be_bytes).concat();
    record(33, &[numbers, name(target)].concat())
}

fn asked() -> Vec<u8> {
    question(7, NAME, Kind::Srv).unwrap()
}

fn read(message: &[u8]) -> Result<Vec<Record>, Unusable> {
    answer(message, 7, NAME, Kind::Srv)
}

#[test]
fn a_question_is_as_the_rfc_has_it() {
    let question = question(0x1234, "_pop3s._tcp.a.example.", Kind::Srv).unwrap();
    assert_eq!(
        question,
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06_pop3s\x04_tcp\x01a\x07example\x00\x00\x21\x00\x01"
    );
    for impossible in ["", ".", "a..b", &"x".repeat(64), &"ab.".repeat(100)] {
        assert_eq!(super::message::question(1, impossible, Kind::Mx), None, "{impossible}");
    }
}

#[test]
fn records_are_read_and_aliases_followed() {
    let message =
        [reply(&asked(), 0x8180, 2), srv(0, 1, 995, "POP.example.com"), srv(10, 1, 995, "b.example.com")];
    assert_eq!(
        read(&message.concat()).unwrap(),
        [
            Record::Srv { priority: 0, weight: 1, port: 995, target: "pop.example.com".to_owned() },
            Record::Srv { priority: 10, weight: 1, port: 995, target: "b.example.com".to_owned() },
        ]
    );
    let alias = record(5, &name("elsewhere.example.net"));
    let mut elsewhere = srv(0, 0, 995, "pop.example.net");
    elsewhere.splice(0..2, name("Elsewhere.example.net"));
    let found = read(&[reply(&asked(), 0x8180, 2), alias.clone(), elsewhere.clone()].concat()).unwrap();
    assert_eq!(found.len(), 1);
    let stray = read(&[reply(&asked(), 0x8180, 2), elsewhere, alias].concat()).unwrap();
    assert!(stray.is_empty(), "a record of a name that nobody asked for");
}

#[test]
fn no_such_name_is_no_record_and_a_failing_server_is_no_answer() {
    assert_eq!(read(&reply(&asked(), 0x8183, 0)), Ok(Vec::new()));
    assert_eq!(read(&reply(&asked(), 0x8180, 0)), Ok(Vec::new()));
    assert!(matches!(read(&reply(&asked(), 0x8182, 0)), Err(Unusable::Bad(_))), "SERVFAIL");
    assert!(matches!(read(&reply(&asked(), 0x8380, 0)), Err(Unusable::Bad(_))), "truncated");
}

#[test]
fn what_is_not_to_our_question_is_not_heard() {
    let good = [reply(&asked(), 0x8180, 1), srv(0, 0, 995, "evil.example")].concat();
    assert_eq!(read(&good).unwrap().len(), 1);
    let mut other_id = good.clone();
    other_id[1] ^= 1;
    let other_name = [reply(&question(7, "_pop3s._tcp.example.net", Kind::Srv).unwrap(), 0x8180, 0)].concat();
    let other_kind = reply(&question(7, NAME, Kind::Mx).unwrap(), 0x8180, 0);
    let no_answer = reply(&asked(), 0x0100, 0);
    for message in
        [other_id, other_name, other_kind, no_answer, Vec::new(), good[..11].to_vec(), good[..20].to_vec()]
    {
        assert_eq!(read(&message), Err(Unusable::NotOurs), "{message:?}");
    }
}

#[test]
fn a_compression_pointer_leads_back_or_nowhere() {
    let start = asked().len();
    // The data of the first record begins after its 12 octets; its target after three numbers more.
    let target = u8::try_from(start + 18).unwrap();
    let looping = |to: u8| {
        let data = [&[0, 0, 0, 0, 3, 227][..], &[1, b'a', 0xc0, to]].concat();
        [reply(&asked(), 0x8180, 1), record(33, &data)].concat()
    };
    for (to, where_to) in [(target, "itself"), (target + 2, "forward"), (255, "past the end")] {
        assert!(matches!(read(&looping(to)), Err(Unusable::Bad(_))), "{where_to}");
    }
    let found = read(&looping(12)).unwrap();
    assert_eq!(
        found,
        [Record::Srv { priority: 0, weight: 0, port: 995, target: format!("a.{NAME}") }],
        "back to the question"
    );
}

#[test]
fn what_is_no_host_name_is_left_out() {
    for label in ["a b", "a\x1b[2J", "ü", "a/b", "a.b\0"] {
        let data = [&[0, 0, 0, 0, 3, 227][..], &[u8::try_from(label.len()).unwrap()], label.as_bytes(), &[0]]
            .concat();
        let message = [reply(&asked(), 0x8180, 1), record(33, &data)].concat();
        assert_eq!(read(&message).unwrap(), [], "{label:?}");
    }
}

#[test]
fn many_records_are_cut_off_and_missing_ones_are_an_error() {
    let many: Vec<u8> = (0..100).flat_map(|_| srv(0, 0, 995, "a.example")).collect();
    assert_eq!(read(&[reply(&asked(), 0x8180, 100), many].concat()).unwrap().len(), 64);
    let promised = [reply(&asked(), 0x8180, 2), srv(0, 0, 995, "a.example")].concat();
    assert!(matches!(read(&promised), Err(Unusable::Bad(_))));
    for count in [6, 8, 10] {
        let mut most = [reply(&asked(), 0x8180, 1), srv(0, 0, 995, "a.example")].concat();
        most[count..count + 2].copy_from_slice(&[0xff, 0xff]);
        assert!(matches!(read(&most), Err(Unusable::Bad(_))), "no room is made for what cannot come");
    }
}

#[test]
fn name_servers_are_those_of_the_file() {
    let text = "# nameserver 192.0.2.9\nnameserver 192.0.2.1\n  nameserver\t2001:db8::1 # main\nnameserver x\n\
                nameservers 192.0.2.8\nsearch example\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
    let expected: Vec<SocketAddr> =
        ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"].map(|server| server.parse().unwrap()).into();
    assert_eq!(servers_of(text), expected);
    assert!(servers_of("").is_empty());
}

/// A name server that sends these answers to each question; `None` keeps silent.
fn server(answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            for answer in answers(&buffer[..length]) {
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    address
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[test]
fn the_answer_is_found_among_forgeries() {
    let address = server(|question| {
        let good = [reply(question, 0x8180, 1), srv(0, 0, 995, "pop.example.com")].concat();
        let mut forged = [reply(question, 0x8180, 1), srv(0, 0, 995, "evil.example")].concat();
        forged[0] ^= 0x55;
        vec![b"noise".to_vec(), forged, good]
    });
    let found = ask(&[address], NAME, Kind::Srv, soon()).unwrap();
    assert_eq!(
        found,
        [Record::Srv { priority: 0, weight: 0, port: 995, target: "pop.example.com".to_owned() }]
    );
}

#[test]
fn another_name_server_is_asked_when_one_cannot_answer() {
    let broken = server(|question| vec![reply(question, 0x8182, 0)]);
    let works = server(|question| {
        vec![
            [reply(question, 0x8180, 1), record(15, &[&[0, 5][..], &name("mx.example.com")].concat())]
                .concat(),
        ]
    });
    let found = ask(&[broken, works], "example.com", Kind::Mx, soon()).unwrap();
    assert_eq!(found, [Record::Mx { preference: 5, host: "mx.example.com".to_owned() }]);
}

#[test]
fn silence_ends_at_the_deadline() {
    let silent = server(|_| Vec::new());
    let begun = Instant::now();
    let error = ask(&[silent], NAME, Kind::Srv, begun + Duration::from_millis(100)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

proptest! {
    #[test]
    fn no_answer_makes_us_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        cut in 0_usize..100,
        kind in prop_oneof![0_u16..300, any::<u16>()],
    ) {
        let _ = read(&[reply(&asked(), 0x8180, 1), record(kind, &noise)].concat());
        let good = [reply(&asked(), 0x8180, 9), srv(0, 0, 995, "pop.example.com"), noise.clone()].concat();
        let _ = read(&good);
        let _ = read(&good[..cut.min(good.len())]);
        let _ = read(&noise);
    }
}
