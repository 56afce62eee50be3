//! When a maildrop was last spoken to.

use super::*;

#[test]
fn a_login_and_the_end_of_a_run_count_for_every_archive_of_an_identity() {
    let state = Folder::new();
    let file = LedgerFile::open(&state.folder()).unwrap();
    let here = Path::new("/mail");
    let both = [(ME, here), (ME, Path::new("/mbox")), ("joe@x", Path::new("/joe"))];
    let [mut maildir, mbox, other] =
        both.map(|(identity, archive)| file.maildrop(identity, archive, &both).unwrap());
    let times = |ledger: &SqliteLedger| (ledger.last_login().unwrap(), ledger.last_active().unwrap());
    assert_eq!(times(&maildir), (None, None));
    maildir.commit(&[Change::RunStarted { at: 10 }, Change::LoggedIn { at: 20 }]).unwrap();
    assert_eq!(times(&mbox), (Some(20), Some(20)));
    maildir.commit(&[Change::RunEnded(RunRecord { at: 90, ..RunRecord::default() })]).unwrap();
    assert_eq!(times(&mbox), (Some(20), Some(90)));
    assert_eq!(times(&maildir), (Some(20), Some(90)));
    assert_eq!(times(&other), (None, None));
}
