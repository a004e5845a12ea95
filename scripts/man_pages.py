#!/usr/bin/env python3
"""Writes one man page a command from what the argument parser says about itself.

Usage: TOOL --experimental-dump-help | man_pages.py OUTPUT_DIRECTORY
"""

import json
import pathlib
import sys


def escaped(text):
    """Text as roff prints it: no request, no escape, hyphens that can be copied."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").split("\n")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def label(argument):
    """An argument as it is written on the command line."""
    names = [("-" if name["kind"] == "short" else "--") + name["name"]
             for name in argument.get("names", [])]
    value = f" <{argument.get('valueName', '')}>" if argument["kind"] == "option" else ""
    if not names:
        return f"<{argument.get('valueName', '')}>"
    return ", ".join(name + value for name in names)


def synopsis(path, command):
    words = [" ".join(path)]
    for argument in command.get("arguments", []):
        if argument.get("shouldDisplay", True):
            word = label(argument).split(", ")[0] + (" ..." if argument["isRepeating"] else "")
            words.append(f"[{word}]" if argument["isOptional"] else word)
    if command.get("subcommands"):
        words.append("<subcommand>")
    return " ".join(words)


def page(path, command):
    name = "-".join(path)
    lines = [
        f'.TH "{escaped(name.upper())}" "1" "" "Tacit" "User Commands"',
        ".SH NAME", f"{escaped(name)} \\- {escaped(command.get('abstract', ''))}",
        ".SH SYNOPSIS", ".nh", escaped(synopsis(path, command)), ".hy",
    ]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION", ".nf", escaped(command["discussion"].strip()), ".fi"]
    arguments = [a for a in command.get("arguments", []) if a.get("shouldDisplay", True)]
    if arguments:
        lines.append(".SH OPTIONS")
    for argument in arguments:
        text = argument.get("abstract", "")
        if argument.get("defaultValue"):
            text += f" Default: {argument['defaultValue']}."
        lines += [".TP", f"\\fB{escaped(label(argument))}\\fR", escaped(text)]
    subcommands = [c for c in command.get("subcommands", []) if c.get("shouldDisplay", True)]
    if subcommands:
        lines.append(".SH SUBCOMMANDS")
    for subcommand in subcommands:
        own = escaped("-".join(path + [subcommand["commandName"]]))
        lines += [".TP", f"\\fB{own}\\fR(1)", escaped(subcommand.get("abstract", ""))]
    if len(path) > 1:
        lines += [".SH SEE ALSO", f"\\fB{escaped('-'.join(path[:-1]))}\\fR(1)"]
    return "\n".join(lines) + "\n"


def write(directory, path, command):
    (directory / f"{'-'.join(path)}.1").write_text(page(path, command), encoding="utf-8")
    for subcommand in command.get("subcommands", []):
        if subcommand.get("shouldDisplay", True):
            write(directory, path + [subcommand["commandName"]], subcommand)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: TOOL --experimental-dump-help | man_pages.py OUTPUT_DIRECTORY")
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    command = json.load(sys.stdin)["command"]
    write(directory, [command["commandName"]], command)


if __name__ == "__main__":
    main()
