#!/bin/sh
# Fetches freely licensed music and speech from Debian's archive, without root:
#   tests/benchmarks/debian_music.sh FOLDER
# leaves FOLDER/music (game soundtracks, about 110 pieces) and FOLDER/speech (telephone
# prompts in English, French and Spanish). It needs a Debian or Ubuntu with apt, 1.5 GB of
# download and 3 GB of room; what is there already is not fetched again.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
command -v apt-get >/dev/null || { echo "$0: apt-get is not here; give make bench any folder of music" >&2; exit 1; }

mkdir -p "$1/packages" "$1/music" "$1/speech"
folder=$(cd "$1" && pwd)

# Copies sound files of one kind, larger than a jingle, under names that cannot collide.
collect() { # package, where to look, ending, smallest size, target
    find "$2" -type f -name "*.$3" -size "$4" | while read -r file; do
        name=$(printf '%s' "${file#"$2"/}" | tr '/ ' '__')
        cp -n "$file" "$folder/$5/$1-$name"
    done
}

fetch() { # package
    [ -d "$folder/packages/$1" ] && return
    (cd "$folder/packages" && apt-get download "$1")
    dpkg -x "$folder/packages/$1"_*.deb "$folder/packages/$1.unfinished"
    mv "$folder/packages/$1.unfinished" "$folder/packages/$1"
    rm -f "$folder/packages/$1"_*.deb
}

for package in supertuxkart-data widelands-data hedgewars-data unknown-horizons; do
    fetch "$package"
    # Relative, for the folder itself may be called music.
    for music in $(cd "$folder/packages/$package" && find . -type d -iname '*music*' | grep -vi 'music.*/.*music'); do
        collect "$package" "$folder/packages/$package/$music" ogg +400k music
        collect "$package" "$folder/packages/$package/$music" mp3 +400k music
    done
done
for language in en fr es; do
    fetch "asterisk-core-sounds-$language-wav"
    sounds="$folder/packages/asterisk-core-sounds-$language-wav/usr/share/asterisk/sounds"
    collect "$language" "$sounds" wav +8k speech
done

echo "music:  $(find "$folder/music" -type f | wc -l) files in $folder/music"
echo "speech: $(find "$folder/speech" -type f | wc -l) files in $folder/speech"
echo "next:   make bench MUSIC=$folder/music SPEECH=$folder/speech"
