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
    return f"{os.cpu_count()} cores ({model}), {kind}, {server} on loopback; {versions}."


def _table(columns, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [columns, ["---"] * len(columns), *rows]]
    return "\n".join(lines)


def octets(number):
    """A number of octets for people."""
    return f"{number / 1e6:,.0f} MB" if number >= 10e6 else f"{number / 1e6:.1f} MB"


def _reference(results):
    """Popkeep's time, if it counts."""
    return next((result.wall() for tool, result in results.items() if tool.name == "popkeep" and result.valid()), None)


def _share(ours, result):
    return f"{ours / result.wall():.2f}" if ours and result.valid() else ""


def scenario(name, title, results):
    """One scenario: a row for each tool, with popkeep's time as a share of it."""
    ours = _reference(results)
    far = any(run.turns is not None for result in results.values() for run in result.runs)
    rows = []
    for tool, result in results.items():
        if not result.runs:
            continue
        walls = [run.wall for run in result.runs]
        spread = f"{min(walls):.2f}–{max(walls):.2f}" if len(walls) > 1 else "one run"
        row = [tool.name, f"{result.wall():.2f}", spread, _share(ours, result),
               f"{statistics.median(run.cpu for run in result.runs):.2f}",
               f"{statistics.median(run.peak for run in result.runs) / 1e6:.1f}"]
        if far:
            row.append(f"{statistics.median(run.turns for run in result.runs):.0f}")
        rows.append(row + ["yes" if result.valid() else ", ".join(dict.fromkeys(result.complaints))])
    columns = ["tool", "seconds", "from–to", "popkeep ÷ tool", "CPU s", "peak MB"] + ["turns"] * far + ["complete"]
    return f"### {name}: {title}\n\n{_table(columns, rows)}\n"


def summary(parts, tools):
    """All scenarios: seconds of each tool, and in brackets popkeep's time as a share of it."""
    rows = []
    for _, title, results in parts:
        ours, row = _reference(results), [title]
        for tool in tools:
            result = results[tool]
            if not result.valid():
                row.append("failed" if result.runs else "")
            elif tool.name == "popkeep" or not ours:
                row.append(f"{result.wall():.2f} s")
            else:
                row.append(f"{result.wall():.2f} s ({_share(ours, result)})")
        rows.append(row)
    return f"### All of it\n\n{_table(['work'] + [tool.name for tool in tools], rows)}\n"


def killing(title, table):
    """SIGKILL: a row for each tool, a figure for each time it was killed."""
    rows = []
    for tool, outcomes in table:
        figures = [[str(figure) for figure in (o.stored, o.verdict.lost, o.verdict.twice, o.verdict.altered)]
                   for o in outcomes]
        rows.append([tool.name] + ([" ".join(column) for column in zip(*figures)] or [""] * 4)
                    + ["; ".join(dict.fromkeys(note for o in outcomes for note in o.notes))])
    columns = ["tool", "stored when killed", "lost", "twice", "altered", "remarks"]
    return f"### {title}\n\n{_table(columns, rows)}\n"
