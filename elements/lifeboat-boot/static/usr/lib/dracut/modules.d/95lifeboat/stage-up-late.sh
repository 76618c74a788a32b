#!/bin/sh
# The devices of the array that carries phase 2 did not all come: start it with those that are there.
lifeboat_stage_up --run
