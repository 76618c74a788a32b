#!/bin/sh
# A provider in POSIX shell: each backup is a directory that cp made. Small, whole, and it passes `sif provider test`.
#
#   [PROVIDER copies]
#   program = "/usr/local/lib/provider-cp.sh"
#   location = "/backup/cp"
#
# It reads the few texts that it needs out of the request with sed; a provider for more should decode JSON.
set -eu

say() { printf '%s\n' "$1"; }
refuse() { # CODE TEXT
    say "{\"type\": \"error\", \"code\": \"$1\", \"text\": \"$2\"}"
    exit 1
}
result() { say "{\"type\": \"result\", \"result\": $1}"; }

request=$(tr -d '\n\r')
case $request in
    '{'*'}') ;;
    *) refuse protocol "the request is no JSON object" ;;
esac
text() { # KEY: its string in the request, empty if there is none
    printf '%s' "$request" | sed -n "s/.*\"$1\": *\"\\([^\"\\\\]*\\)\".*/\\1/p"
}
case $request in
    *'"protocol": 1,'* | *'"protocol":1,'*) ;;
    *) refuse protocol "only protocol 1 is spoken here" ;;
esac

location=$(text location)
snapshot=$(text snapshot)
store=$(text store)
volume=$(text id)
mount=$(text mount)

need_location() {
    [ -n "$location" ] || refuse usage "the configuration lacks location"
    [ -d "$location" ] || refuse unreachable "the directory of the backups is not there"
}
need_snapshot() {
    if [ -z "$snapshot" ]; then
        for one in "$location"/*Z; do [ -d "$one" ] && snapshot=${one##*/}; done
    fi
    case $snapshot in "" | */*) refuse no-snapshot "there is no backup yet" ;; esac
    [ -d "$location/$snapshot" ] || refuse no-snapshot "there is no such backup"
}

case $(text method) in
    describe)
        result '{"name": "cp", "title": "copies by cp", "version": "1", "protocol": [1], "kind": "backup",
                 "methods": ["describe", "backup", "restore-entry", "check"]}' | tr -d '\n'
        echo
        ;;
    backup)
        need_location
        case $request in *'"id"'*'"id"'*) refuse usage "this example knows one volume only" ;; esac
        name=$(date -u +%Y-%m-%dT%H:%M:%SZ)
        rm -rf "$location/.unfinished"
        cp -a -- "$mount" "$location/.unfinished" >&2 || refuse failed "cp failed"
        rm -rf "${location:?}/$name"
        mv -- "$location/.unfinished" "$location/$name"
        result "{\"snapshot\": \"$name\", \"bytes\": $(du -sk "$location/$name" | cut -f 1)000}"
        ;;
    check)
        need_location
        need_snapshot
        result "{\"reachable\": true, \"snapshot\": \"$snapshot\", \"newest\": \"$snapshot\"}"
        ;;
    restore-entry)
        need_location
        need_snapshot
        place="\${store:$store}/\${snapshot:$store}"
        result "{\"sections\": [
            {\"kind\": \"STORE\", \"id\": \"$store\", \"keys\": {
                \"kind\": \"directory\", \"location\": \"$location\", \"snapshot\": \"$snapshot\"}},
            {\"kind\": \"COMMAND\", \"id\": \"1000\", \"keys\": {\"phase\": \"1\", \"vendor\": \"cp\",
                \"title\": \"Is the copy there?\", \"argv\": [\"test\", \"-d\", \"$place\"]}},
            {\"kind\": \"COMMAND\", \"id\": \"2000\", \"keys\": {\"phase\": \"2\", \"vendor\": \"cp\",
                \"title\": \"Copy the files back\", \"volumes\": [\"$volume\"],
                \"argv\": [\"cp\", \"-a\", \"$place/.\", \"\${mount:$volume}\"]}}]}" | tr -d '\n'
        echo
        ;;
    *) refuse usage "there is no such method" ;;
esac
