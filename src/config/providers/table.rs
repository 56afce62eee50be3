//! The table itself, by country. An entry that matches first wins, so an exchanger's narrower end
//! stands before the wider one.

use super::Provider;

/// What Google, Yahoo and others ask for once a second factor is on.
const APP_PASSWORD: &str = "an app password";
/// What 163, 126 and QQ call the password of a mail program.
const AUTHORIZATION_CODE: &str = "an authorization code (授权码), made where POP3 is switched on";

pub(super) const PROVIDERS: &[Provider] = &[
    // World-wide.
    Provider::pop3("Gmail", "pop.gmail.com")
        .domain("gmail.com googlemail.com")
        .mx("google.com googlemail.com")
        .app_password(
            "an app password (https://myaccount.google.com/apppasswords; it needs 2-Step Verification)",
        )
        .switched_on("Gmail's settings, “Forwarding and POP/IMAP”, “Enable POP for all mail”"),
    Provider::pop3("Outlook.com", "outlook.office365.com")
        .domain(
            "outlook.com hotmail.com live.com msn.com windowslive.com outlook.de outlook.fr outlook.es \
             outlook.it outlook.at outlook.jp hotmail.co.uk hotmail.de hotmail.fr hotmail.es hotmail.it \
             live.co.uk live.de live.fr live.it live.nl",
        )
        .mx("olc.protection.outlook.com")
        .token()
        .switched_on("Outlook.com's settings, “Mail”, “Forwarding and IMAP”"),
    Provider::pop3("Microsoft 365", "outlook.office365.com")
        .mx("mail.protection.outlook.com mx.microsoft")
        .token(),
    Provider::pop3("Yahoo Mail", "pop.mail.yahoo.com")
        .domain(
            "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.de yahoo.it yahoo.fr yahoo.es yahoo.se \
             yahoo.co.in yahoo.co.uk yahoo.co.nz yahoo.com.au yahoo.com.ar yahoo.com.br yahoo.com.mx",
        )
        .app_password(APP_PASSWORD),
    Provider::pop3("AOL Mail", "pop.aol.com")
        .domain(
            "aol.com aim.com netscape.net compuserve.com verizon.net aol.de aol.fr aol.it aol.es aol.co.uk \
             aol.com.au aol.com.br aol.com.mx",
        )
        .app_password(APP_PASSWORD),
    Provider::nothing("iCloud Mail", "Apple's servers speak IMAP only.")
        .domain("icloud.com me.com mac.com")
        .mx("mail.icloud.com"),
    Provider::nothing("Proton Mail", "Proton Mail Bridge speaks IMAP only.")
        .domain("proton.me protonmail.com protonmail.ch pm.me")
        .mx("protonmail.ch"),
    Provider::nothing("Tuta", "Tuta's mail can be read with its own programs only.")
        .domain("tuta.com tuta.io tutanota.com tutanota.de tutamail.com keemail.me")
        .mx("tutanota.de"),
    Provider::pop3("Fastmail", "pop.fastmail.com")
        .domain("fastmail.com fastmail.fm fastmail.net fastmail.org sent.com")
        .mx("messagingengine.com")
        .app_password("an app password (in Fastmail's settings, “Privacy & Security”)"),
    Provider::pop3("Zoho Mail", "pop.zoho.com")
        .domain("zoho.com zohomail.com")
        .switched_on("Zoho Mail's settings, “Mail Accounts”, “POP Access”"),
    Provider::pop3("Zoho Mail", "pop.zoho.eu")
        .domain("zoho.eu zohomail.eu")
        .switched_on("Zoho Mail's settings, “Mail Accounts”, “POP Access”"),
    Provider::pop3("Zoho Mail", "pop.zoho.in")
        .domain("zoho.in zohomail.in")
        .switched_on("Zoho Mail's settings, “Mail Accounts”, “POP Access”"),
    Provider::pop3("Zoho Mail for a domain", "poppro.zoho.com")
        .mx("zoho.com")
        .switched_on("Zoho Mail's settings, “Mail Accounts”, “POP Access”"),
    Provider::pop3("Zoho Mail for a domain", "poppro.zoho.eu")
        .mx("zoho.eu")
        .switched_on("Zoho Mail's settings, “Mail Accounts”, “POP Access”"),
    Provider::pop3("Zoho Mail for a domain", "poppro.zoho.in")
        .mx("zoho.in")
        .switched_on("Zoho Mail's settings, “Mail Accounts”, “POP Access”"),
    Provider::pop3("Migadu", "pop.migadu.com").domain("migadu.com").mx("migadu.com"),
    Provider::pop3("Vivaldi Mail", "pop3.vivaldi.net").domain("vivaldi.net"),
    Provider::pop3("Runbox", "mail.runbox.com").domain("runbox.com").mx("runbox.com"),
    Provider::pop3("Rackspace Email", "secure.emailsrvr.com").mx("emailsrvr.com"),
    Provider::pop3("Namecheap Private Email", "mail.privateemail.com").mx("privateemail.com"),
    Provider::pop3("mail.com", "pop.mail.com")
        .domain("mail.com email.com usa.com post.com europe.com consultant.com engineer.com techie.com")
        .switched_on("mail.com's settings, “POP3/IMAP” (an account with Premium)"),
    // Germany, Austria, Switzerland.
    Provider::pop3("GMX", "pop.gmx.net")
        .domain("gmx.de gmx.net gmx.at gmx.ch gmx.eu gmx.org gmx.info gmx.biz")
        .switched_on("GMX's e-mail settings, “POP3/IMAP”"),
    Provider::pop3("GMX", "pop.gmx.com")
        .domain("gmx.com gmx.us gmx.co.uk gmx.fr gmx.es gmx.it gmx.li")
        .switched_on("GMX's e-mail settings, “POP3 & IMAP”"),
    Provider::pop3("WEB.DE", "pop3.web.de")
        .domain("web.de")
        .by_local_part()
        .switched_on("WEB.DE's e-mail settings, “POP3/IMAP”"),
    Provider::pop3("T-Online", "securepop.t-online.de")
        .domain("t-online.de magenta.de")
        .app_password("the “E-Mail-Passwort”, which you set separately from that of the web site"),
    Provider::pop3("Vodafone", "pop3.vodafonemail.de")
        .domain("vodafonemail.de vodafone.de arcor.de kabelmail.de"),
    Provider::pop3("Posteo", "posteo.de").domain(
        "posteo.de posteo.net posteo.org posteo.at posteo.ch posteo.eu posteo.com posteo.me posteo.uk \
             posteo.us posteo.nl posteo.es posteo.it posteo.be posteo.dk posteo.se posteo.no posteo.pl",
    ),
    Provider::pop3("mailbox.org", "pop3.mailbox.org").domain("mailbox.org").mx("mailbox.org"),
    Provider::pop3("STRATO", "pop3.strato.de").mx("rzone.de"),
    Provider::pop3("IONOS", "pop.ionos.de").mx("kundenserver.de ionos.de"),
    Provider::pop3("IONOS", "pop.ionos.com").mx("ionos.com"),
    Provider::pop3("IONOS", "pop.ionos.co.uk").mx("ionos.co.uk"),
    Provider::pop3("IONOS", "pop.ionos.fr").mx("ionos.fr"),
    Provider::pop3("united-domains", "pops.udag.de").mx("udag.de"),
    Provider::pop3("Infomaniak", "mail.infomaniak.com")
        .domain("ik.me ikmail.com etik.com")
        .mx("infomaniak.ch infomaniak.com"),
    // France.
    Provider::pop3("Orange", "pop.orange.fr").domain("orange.fr wanadoo.fr"),
    Provider::pop3("Free", "pop.free.fr").domain("free.fr").by_local_part(),
    Provider::pop3("laposte.net", "pop.laposte.net").domain("laposte.net").by_local_part(),
    Provider::pop3("SFR", "pop.sfr.fr").domain("sfr.fr neuf.fr"),
    Provider::pop3("OVHcloud", "ssl0.ovh.net").mx("mail.ovh.net"),
    Provider::pop3("Gandi", "mail.gandi.net").mx("mail.gandi.net"),
    // Italy.
    Provider::pop3("Libero Mail", "popmail.libero.it").domain("libero.it inwind.it iol.it blu.it"),
    Provider::pop3("Aruba", "pop3s.aruba.it").mx("aruba.it"),
    // The British Isles, North America, Australia.
    Provider::pop3("BT", "mail.btinternet.com").domain("btinternet.com btopenworld.com talk21.com"),
    Provider::pop3("AT&T", "inbound.att.net")
        .domain(
            "att.net sbcglobal.net bellsouth.net ameritech.net pacbell.net swbell.net prodigy.net flash.net",
        )
        .app_password("a “secure mail key” (on AT&T's profile page)"),
    Provider::pop3("Telstra", "pop.telstra.com").domain("bigpond.com bigpond.net.au telstra.com"),
    // Eastern Europe.
    Provider::pop3("Yandex Mail", "pop.yandex.com")
        .domain("yandex.ru yandex.com yandex.by yandex.kz ya.ru narod.ru")
        .mx("yandex.net yandex.ru")
        .app_password("an app password (https://id.yandex.com/security/app-passwords)")
        .switched_on("Yandex Mail's settings, “Email clients”"),
    Provider::pop3("Mail.ru", "pop.mail.ru")
        .domain("mail.ru inbox.ru list.ru bk.ru internet.ru")
        .app_password("a password for external applications (in the settings, “Security”)"),
    Provider::pop3("Rambler", "pop.rambler.ru").domain("rambler.ru"),
    Provider::pop3("Seznam", "pop3.seznam.cz").domain("seznam.cz email.cz post.cz spoluzaci.cz"),
    Provider::pop3("WP Poczta", "pop3.wp.pl")
        .domain("wp.pl")
        .switched_on("WP Poczta's settings, “Programy pocztowe”"),
    Provider::pop3("o2 Poczta", "poczta.o2.pl")
        .domain("o2.pl go2.pl tlen.pl prokonto.pl")
        .by_local_part()
        .switched_on("o2 Poczta's settings, “Programy pocztowe”"),
    Provider::pop3("Onet Poczta", "pop3.poczta.onet.pl")
        .domain("onet.pl onet.eu op.pl vp.pl poczta.onet.pl poczta.onet.eu"),
    Provider::pop3("Interia Poczta", "poczta.interia.pl")
        .domain("interia.pl interia.eu poczta.fm intmail.pl"),
    // East Asia.
    Provider::pop3("NetEase 163", "pop.163.com").domain("163.com").app_password(AUTHORIZATION_CODE),
    Provider::pop3("NetEase 126", "pop.126.com").domain("126.com").app_password(AUTHORIZATION_CODE),
    Provider::pop3("NetEase yeah", "pop.yeah.net").domain("yeah.net").app_password(AUTHORIZATION_CODE),
    Provider::pop3("QQ Mail", "pop.qq.com").domain("qq.com foxmail.com").app_password(AUTHORIZATION_CODE),
    Provider::pop3("Naver", "pop.naver.com")
        .domain("naver.com")
        .switched_on("Naver Mail's settings, “POP3/IMAP”"),
    Provider::pop3("Daum", "pop.daum.net")
        .domain("daum.net hanmail.net")
        .switched_on("Daum Mail's settings, “IMAP/POP3”"),
];
