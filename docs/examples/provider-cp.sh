#!/bin/sh
# A provider in POSIX shell: a tree a volume and backup, made by cp. Small, whole, and passing
#   sif provider test docs/examples/provider-cp.sh --config location=/tmp/store
# Its configuration: location, the directory of the backups.
set -eu

# One line out; the argument is JSON already.
say() { printf '%s\n' "$1"; }
# An error: code, what happened. The texts here have nothing in them that JSON would want escaped.
refuse() { say "{\"type\": \"error\", \"code\": \"$1\", \"text\": \"$2\"}"; exit 1; }

request=$(tr -d '\n\r')  # complete at the end of the input
case $request in
    '{'*'}') ;;
    *) refuse protocol "the request is not a JSON object" ;;
esac

# The text of a key; the request is one line. What has a backslash in it is not found: decode JSON to be better.
text() { printf '%s' "$request" | sed -n "s/.*\"$1\": *\"\\([^\"\\\\]*\\)\".*/\\1/p"; }
number() { printf '%s' "$request" | sed -n "s/.*\"$1\": *\\([0-9][0-9]*\\).*/\\1/p"; }

[ "$(number protocol)" = 1 ] || refuse protocol "only protocol 1 is spoken here"

location=$(text location)
snapshot=$(text snapshot)
# "id mount" of every volume, one a line.
volumes() {
    printf '%s' "$request" | grep -o '{"id": *"[^"\\]*", *"mount": *"[^"\\]*"' |
        sed 's/{"id": *"\([^"]*\)", *"mount": *"\([^"]*\)"/\1 \2/'
}
needs_location() {
    [ -n "$location" ] || refuse usage "the configuration lacks location"
    [ -d "$location" ] || refuse unreachable "the directory of the backups is not there"
}

case $(text method) in
    describe)
        say '{"type": "result", "result": {"name": "cp", "title": "trees by cp", "version": "1", "protocol": [1], "kind": "backup", "methods": ["describe", "backup", "restore-entry", "check"]}}'
        ;;
    backup)
        needs_location
        made=$(date -u +%Y%m%dT%H%M%S.%N)
        say '{"type": "progress", "fraction": null, "text": "cp"}'
        mkdir "$location/.$made"
        volumes | while read -r id mount; do
            cp --archive -- "$mount" "$location/.$made/$id" >&2 || exit 1
        done || refuse failed "cp failed"
        mv "$location/.$made" "$location/$made"
        bytes=$(du --summarize --bytes "$location/$made" | cut -f 1)
        say "{\"type\": \"result\", \"result\": {\"snapshot\": \"$made\", \"bytes\": $bytes}}"
        ;;
    check)
        needs_location
        if [ -z "$snapshot" ]; then
            for place in "$location"/*; do [ ! -d "$place" ] || snapshot=${place##*/}; done
        fi
        case $snapshot in "" | */*) refuse no-snapshot "there is no such backup" ;; esac
        [ -d "$location/$snapshot" ] || refuse no-snapshot "there is no such backup"
        when=$(printf '%s' "$snapshot" | sed 's/^\(....\)\(..\)\(..\)T\(..\)\(..\)\(..\).*/\1-\2-\3T\4:\5:\6Z/')
        say "{\"type\": \"result\", \"result\": {\"reachable\": true, \"snapshot\": \"$snapshot\", \"newest\": \"$when\"}}"
        ;;
    restore-entry)
        [ -n "$location" ] || refuse usage "the configuration lacks location"
        [ -n "$snapshot" ] || refuse no-snapshot "a backup is restored by its name"
        store=$(text store)
        first=$(number sequence)
        base="\${store:$store}/\${snapshot:$store}"
        sections="{\"kind\": \"STORE\", \"id\": \"$store\", \"keys\": {\"kind\": \"directory\", \"location\": \"$location\", \"snapshot\": \"$snapshot\"}}"
        sections="$sections, {\"kind\": \"COMMAND\", \"id\": \"$((first - 1000))\", \"keys\": {\"phase\": \"1\", \"vendor\": \"cp\", \"title\": \"Is the backup there?\", \"argv\": [\"test\", \"-d\", \"$base\"]}}"
        sections="$sections$(volumes | while read -r id mount; do
            # shellcheck disable=SC2016 # the rescue system fills the names in
            printf ', {"kind": "COMMAND", "id": "%s", "keys": {"phase": "2", "vendor": "cp", "title": "Copy %s back", "argv": ["cp", "--archive", "--", "%s/%s/.", "${mount:%s}/"], "volumes": ["%s"]}}' \
                "$first" "$mount" "$base" "$id" "$id" "$id"
            first=$((first + 1))
        done)"
        say "{\"type\": \"result\", \"result\": {\"sections\": [$sections]}}"
        ;;
    *) refuse usage "there is no such method" ;;
esac
