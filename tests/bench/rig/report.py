"""The tables, in Markdown."""

import os
import statistics


def machine(server, tools, folder):
    """What the figures belong to."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    best, kind = "", "?"
    with open("/proc/mounts", encoding="utf-8", errors="replace") as file:
        for mount, filesystem in (line.split()[1:3] for line in file):
            if (folder + "/").startswith(mount.rstrip("/") + "/") and len(mount) >= len(best):
                best, kind = mount, filesystem
    versions = ", ".join(f"{tool.name} {tool.version()}".strip() for tool in tools)
    return f"{os.cpu_count()} cores ({model}), {kind}, Dovecot {server.version} on loopback; {versions}."


def _table(columns, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *rows]]
    return "\n".join(lines)


def scenario(name, title, results):
    """One scenario: a row for each tool, with popkeep's time as a share of it."""
    ours = next((result.wall() for tool, result in results.items() if tool.name == "popkeep" and result.valid()), None)
    far = any(run.turns is not None for result in results.values() for run in result.runs)
    rows = []
    for tool, result in results.items():
        if not result.runs:
            continue
        median = lambda of: statistics.median(of(run) for run in result.runs)
        walls = [run.wall for run in result.runs]
        row = [tool.name, f"{result.wall():.2f}", f"{min(walls):.2f}–{max(walls):.2f}" if len(walls) > 1 else "one run",
               f"{ours / result.wall():.2f}" if ours and result.valid() else "",
               f"{median(lambda run: run.cpu):.2f}", f"{median(lambda run: run.peak) / 1e6:.1f}"]
        if far:
            row.append(f"{median(lambda run: run.turns):.0f}")
        rows.append(row + ["yes" if result.valid() else ", ".join(dict.fromkeys(result.complaints))])
    columns = ["tool", "seconds", "from–to", "popkeep ÷ tool", "CPU s", "peak MB"] + ["turns"] * far + ["complete"]
    return f"### {name}: {title}\n\n{_table(columns, rows)}\n"


def killing(title, table):
    """SIGKILL: a row for each tool, a figure for each time it was killed."""
    rows = []
    for tool, outcomes in table:
        figures = lambda of: " ".join(str(of(outcome)) for outcome in outcomes)
        rows.append([tool.name, figures(lambda o: o.stored), figures(lambda o: o.verdict.lost),
                     figures(lambda o: o.verdict.twice), figures(lambda o: o.verdict.altered),
                     "; ".join(dict.fromkeys(note for o in outcomes for note in o.notes))])
    columns = ["tool", "stored when killed", "lost", "twice", "altered", "remarks"]
    return f"### {title}\n\n{_table(columns, rows)}\n"
