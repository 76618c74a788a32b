#!/bin/sh
# Load the site's drivers that lead to the medium, in their order; one that finds no hardware is no error.
for module in /lifeboat/drivers/*.ko; do
    if [ -f "$module" ]; then
        insmod "$module" || warn "Lifeboat: $module could not be loaded"
    fi
done
