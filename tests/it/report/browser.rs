//! The page in a real browser, where there is one (Debian's chromium).
//!
//! A window does not get as narrow as a phone: the page is opened in frames of 360 and of 1,200 pixels, and another page looks
//! at it there.

use super::hostile;
use crate::support::{Sandbox, find_program};
use serde_json::Value;
use std::process::Command;

/// Looks at the page in both frames.
const LOOKING: &str = r#"<!DOCTYPE html><meta charset="utf-8"><body>
<iframe src="backup.html" style="width:360px;height:800px;border:0"></iframe>
<iframe src="backup.html" style="width:1200px;height:800px;border:0"></iframe>
<pre id="seen"></pre>
<script>
onload = () => {
  const look = frame => {
    const page = frame.contentDocument, root = page.documentElement;
    const outside = [...page.body.querySelectorAll('*')].filter(one =>
      one.getBoundingClientRect().right > root.clientWidth + 1 || one.scrollWidth > one.clientWidth + 1 &&
      ['auto', 'scroll'].includes(frame.contentWindow.getComputedStyle(one).overflowX));
    const letters = [...page.querySelectorAll('svg text')].map(one => one.getBoundingClientRect().height);
    return {
      width: root.clientWidth, needed: root.scrollWidth, outside: outside.map(one => one.outerHTML.slice(0, 80)),
      smallest: Math.min(...letters), paper: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
      title: page.title, charts: page.querySelectorAll('svg[role=img]').length,
    };
  };
  document.getElementById('seen').textContent = JSON.stringify([...document.querySelectorAll('iframe')].map(look));
};
</script>"#;

/// What is seen in the narrow frame and in the wide one.
fn seen(sandbox: &Sandbox, chromium: &std::path::Path, scheme: u8) -> Vec<Value> {
    let page = sandbox.write("looking.html", LOOKING);
    let profile = sandbox.path(format!("profile-{scheme}"));
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"])
        .args(["--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .env("HOME", sandbox.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("CONSOLE"), "the browser has something to say: {said}");
    let page = String::from_utf8(output.stdout).unwrap();
    let seen = page.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let seen = seen.unwrap_or_else(|| panic!("{page}\n{said}")).0;
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("{error}: {seen}\n{said}"))
}

#[test]
fn a_browser_shows_it_on_any_screen_and_has_nothing_to_complain_of() {
    // Not a part of what CI installs: it is larger than all the rest.
    let Some(chromium) = find_program("chromium") else { return eprintln!("SKIPPED: there is no chromium") };
    let (_server, sandbox) = hostile();
    sandbox.popkeep(["report", "--html", "backup.html"]).run().expect(0);
    let mut papers = Vec::new();
    for scheme in [0, 1] {
        for (frame, width) in seen(&sandbox, &chromium, scheme).iter().zip([360, 1200]) {
            assert_eq!(
                (frame["width"].as_u64(), frame["needed"].as_u64()),
                (Some(width), Some(width)),
                "{frame}"
            );
            assert_eq!(frame["outside"], Value::Array(vec![]), "{frame}");
            assert!(frame["smallest"].as_f64().unwrap() >= 9.0, "letters that nobody can read: {frame}");
            assert!(frame["charts"].as_u64() >= Some(3), "{frame}");
            papers.push(frame["paper"].clone());
        }
    }
    papers.dedup();
    assert_eq!(papers, ["rgb(16, 20, 24)", "rgb(255, 255, 255)"], "dark and light");
}
