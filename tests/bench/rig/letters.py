"""Mail to search in: letters in several languages, charsets and forms, made from a seed."""

import base64
import os
import quopri
import random

SYLLABLES = [a + b for a in "bdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "in", "ol", "us")]
GERMAN = "Grüße Straße Übung müde schön Köln größer für Änderung Öl Mädchen Prüfung".split()
FRENCH = "café déjà élève garçon naïve Noël être hôtel forêt œuvre façade août".split()
CHINESE = "你好世界今天天气很好我们去北京开会讨论项目计划请确认时间地点谢谢合作愉快发票报告附件收到"
JAPANESE = "本日は東京で会議があります資料を添付しましたご確認くださいよろしくお願いしますカンファレンス"
KOREAN = "안녕하세요 회의 자료를 첨부합니다 서울에서 만나요 확인 부탁드립니다 감사합니다".split()

# By how many of a hundred there are.
KINDS = [("plain", 56), ("german", 8), ("french", 8), ("page", 12), ("chinese", 3), ("japanese", 3), ("korean", 2), ("attached", 8)]


class Letters:
    """The content of one maildrop; `sizes` are as many as there are messages. Words differ in how often they occur, as in
    any language."""

    def __init__(self, count, octets=1000):
        self.sizes = [octets] * count
        self.octets = octets
        rng = random.Random(7)
        words = {"".join(rng.choices(SYLLABLES, k=rng.choice((2, 2, 3, 3, 4)))) for _ in range(24_000)}
        self.words = sorted(words)
        rng.shuffle(self.words)
        self.weights = []
        total = 0.0
        for rank in range(len(self.words)):
            total += 1 / (rank + 10)
            self.weights.append(total)

    def text(self, rng, octets):
        words, length = [], 0
        while length < octets:
            words += rng.choices(self.words, cum_weights=self.weights, k=12)
            words[-1] += "."
            length = sum(map(len, words)) + len(words)
        return "\n".join(" ".join(words[at:at + 10]) for at in range(0, len(words), 10)) + "\n"

    def letter(self, at):
        """The octets of one message, with LF line ends."""
        rng = random.Random(at)
        kind = rng.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])[0]
        name = " ".join(word.capitalize() for word in rng.choices(self.words[:3000], k=2))
        address = f"{name.replace(' ', '.').lower()}@{rng.choice(self.words[:200])}.example"
        subject = " ".join(rng.choices(self.words, cum_weights=self.weights, k=5))
        day = 1_600_000_000 + at * 3000 + rng.randrange(3000)
        text, body = self.text(rng, self.octets), None
        head = ["Return-Path: <%s>" % address, "Received: from bench.example by localhost; Mon, 1 Jan 2024 00:00:00 +0000"]

        def part(text, charset, encoding, media="text/plain"):
            octets = text.encode(charset, "replace")
            if encoding == "base64":
                octets = base64.encodebytes(octets)
            elif encoding == "quoted-printable":
                octets = quopri.encodestring(octets)
            return f"Content-Type: {media}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + octets

        def multipart(kind, *parts):
            boundary = f"=_{at:08x}"
            inside = b"".join(f"--{boundary}\n".encode() + one + b"\n" for one in parts)
            return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n'.encode() + inside + f"--{boundary}--\n".encode()

        if kind == "german":
            body = part(" ".join(rng.choices(GERMAN, k=12)) + "\n" + text, "iso-8859-1", "quoted-printable")
            subject = "=?iso-8859-1?q?" + quopri.encodestring(rng.choice(GERMAN).encode("latin-1"), header=True).decode() + "?= " + subject
        elif kind == "french":
            body = part(" ".join(rng.choices(FRENCH, k=12)) + "\n" + text, "utf-8", "8bit")
            name = "=?utf-8?b?" + base64.b64encode(rng.choice(FRENCH).encode()).decode() + "?= " + name
        elif kind == "page":
            page = "<html><head><style>p { color: red }</style></head><body>" + "".join(
                f'<p class="x">{line}</p>\n' for line in text.splitlines()) + "</body></html>\n"
            body = multipart("alternative", part(text, "us-ascii", "7bit"), part(page, "utf-8", "quoted-printable", "text/html"))
        elif kind in ("chinese", "japanese", "korean"):
            if kind == "korean":
                line, charset = " ".join(rng.choices(KOREAN, k=60)), "euc-kr"
            else:
                source = CHINESE if kind == "chinese" else JAPANESE
                starts = [rng.randrange(len(source) - 12) for _ in range(25)]
                line = "。".join(source[start:start + 12] for start in starts)
                charset = rng.choice(("gb2312", "utf-8")) if kind == "chinese" else rng.choice(("iso-2022-jp", "utf-8"))
            body = part(line + "\n" + text[:300].rsplit(" ", 1)[0] + "\n", charset, "base64" if charset != "iso-2022-jp" else "7bit")
        elif kind == "attached":
            file = base64.encodebytes(rng.randbytes(2500))
            body = multipart("mixed", part(text, "us-ascii", "7bit"), (
                f'Content-Type: application/pdf; name="Attached-{at}.pdf"\nContent-Disposition: attachment; '
                f'filename="Attached-{at}.pdf"\nContent-Transfer-Encoding: base64\n\n').encode() + file)
        body = body or part(text, "us-ascii", "7bit")
        head += [f"From: {name} <{address}>", "To: Reader <reader@bench.example>", f"Subject: {subject}",
                 f"Date: {self.date(day)}", f"Message-ID: <{at}@bench.example>", "MIME-Version: 1.0"]
        return "\n".join(head).encode() + b"\n" + body

    @staticmethod
    def date(at):
        from email.utils import formatdate
        return formatdate(at)

    def write(self, maildir):
        """Writes all messages into a Maildir's cur/. Dovecot finds the sizes in the names."""
        cur = os.path.join(maildir, "cur")
        for at in range(len(self.sizes)):
            octets = self.letter(at)
            wire = len(octets) + octets.count(b"\n")
            path = os.path.join(cur, f"{1_700_000_000 + at}.M{at}.bench,S={len(octets)},W={wire}:2,S")
            with open(path, "wb") as out:
                out.write(octets)
