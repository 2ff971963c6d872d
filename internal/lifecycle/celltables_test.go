package lifecycle

// tables has every phase by every event, and then the cells that depend on the
// policy: the next phase and the actions. "-" changes nothing, "same" keeps the
// phase, "conflict" refuses the event.
var tables = []struct {
	policy string
	cells  string
}{
	{"plain", `
                 | start           | later    | stop               | at once            | in 1s              | shutdown           | leave    | restart
idle             | starting Launch | sleeping | conflict           | conflict           | conflict           | conflict           | conflict | starting Launch
sleeping         | conflict        | conflict | over               | over               | over               | same               | same     | starting Launch
sleeping held    | conflict        | conflict | over               | over               | over               | -                  | -        | starting Launch
waiting          | conflict        | conflict | over               | over               | over               | same               | same     | -
waiting held     | conflict        | conflict | over               | over               | over               | -                  | -        | same
queued           | conflict        | conflict | over               | over               | over               | same               | same     | starting Launch
queued held      | conflict        | conflict | over               | over               | over               | -                  | -        | starting Launch
starting         | conflict        | conflict | same               | same               | same               | same               | same     | -
starting again   | conflict        | conflict | same               | same               | same               | same               | same     | -
starting unasked | conflict        | conflict | same               | same               | same               | same               | same     | same
starting stopped | conflict        | conflict | -                  | same               | same               | -                  | same     | same
starting dropped | conflict        | conflict | -                  | same               | same               | -                  | same     | same
starting killed  | conflict        | conflict | -                  | -                  | same               | -                  | same     | same
probing          | conflict        | conflict | stopping Ask       | killing Kill       | stopping Ask       | stopping Ask       | same     | stopping Ask
running          | conflict        | conflict | stopping Ask       | killing Kill       | stopping Ask       | stopping Ask       | same     | stopping Ask
paused           | conflict        | conflict | stopping Ask       | killing Kill       | stopping Ask       | stopping Ask       | same     | stopping Ask
stopping         | conflict        | conflict | -                  | killing Kill       | same               | -                  | same     | same
stopping left    | conflict        | conflict | same               | killing Kill       | same               | same               | same     | same
stopping restart | conflict        | conflict | same               | killing Kill       | same               | same               | same     | -
stopping renew   | conflict        | conflict | same               | killing Kill       | same               | same               | same     | -
killing          | conflict        | conflict | -                  | -                  | -                  | -                  | same     | same
killing left     | conflict        | conflict | same               | same               | same               | same               | same     | same
stuck            | conflict        | conflict | same Kill reported | same Kill reported | same Kill reported | same Kill reported | same     | same reported
stuck left       | conflict        | conflict | same Kill reported | same Kill reported | same Kill reported | same Kill reported | same     | same reported
backoff          | conflict        | conflict | over               | over               | over               | over               | same     | starting Launch
backoff held     | conflict        | conflict | over               | over               | over               | over               | -        | starting Launch
over             | starting Launch | sleeping | same               | same               | same               | -                  | -        | starting Launch
over failed      | starting Launch | sleeping | same               | same               | same               | -                  | -        | starting Launch
over held        | starting Launch | sleeping | same               | same               | same               | -                  | -        | starting Launch
`},
	{"plain", `
                 | go on           | sleep on | replace               | replace now           | remove            | force              | pause    | resume   | tick            | missed
idle             | conflict        | conflict | conflict              | conflict              | conflict          | conflict           | conflict | conflict | -               | -
sleeping         | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | starting Launch | starting Launch
sleeping held    | starting Launch | same     | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | -               | -
waiting          | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | -               | -
waiting held     | starting Launch | sleeping | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | -               | -
queued           | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | -               | -
queued held      | starting Launch | sleeping | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | -               | -
starting         | conflict        | conflict | same                  | same                  | conflict          | same               | conflict | conflict | -               | -
starting again   | conflict        | conflict | same                  | same                  | conflict          | same               | conflict | conflict | -               | -
starting unasked | conflict        | conflict | same                  | same                  | conflict          | same               | conflict | conflict | -               | -
starting stopped | conflict        | conflict | same                  | same                  | conflict          | -                  | conflict | conflict | -               | -
starting dropped | conflict        | conflict | same                  | same                  | conflict          | -                  | conflict | conflict | -               | -
starting killed  | conflict        | conflict | same                  | same                  | conflict          | -                  | conflict | conflict | -               | -
probing          | conflict        | conflict | stopping Ask          | killing Kill          | conflict          | stopping Ask       | conflict | conflict | -               | -
running          | conflict        | conflict | stopping Ask          | killing Kill          | conflict          | stopping Ask       | paused   | -        | -               | -
paused           | conflict        | conflict | stopping Ask          | killing Kill          | conflict          | stopping Ask       | -        | running  | -               | -
stopping         | conflict        | conflict | same                  | killing Kill          | conflict          | -                  | conflict | conflict | -               | -
stopping left    | conflict        | conflict | same                  | killing Kill          | conflict          | same               | conflict | conflict | -               | -
stopping restart | conflict        | conflict | same                  | killing Kill          | conflict          | same               | conflict | conflict | -               | -
stopping renew   | conflict        | conflict | -                     | killing Kill          | conflict          | same               | conflict | conflict | -               | -
killing          | conflict        | conflict | same                  | same                  | conflict          | -                  | conflict | conflict | -               | -
killing left     | conflict        | conflict | same                  | same                  | conflict          | same               | conflict | conflict | -               | -
stuck            | conflict        | conflict | same Kill reported    | same Kill reported    | conflict          | same Kill reported | conflict | conflict | -               | -
stuck left       | conflict        | conflict | same Kill reported    | same Kill reported    | conflict          | same Kill reported | conflict | conflict | -               | -
backoff          | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | -               | -
backoff held     | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish  | conflict | conflict | -               | -
over             | conflict        | conflict | conflict              | conflict              | idle Erase Vanish | idle Erase Vanish  | conflict | conflict | -               | -
over failed      | conflict        | conflict | conflict              | conflict              | idle Erase Vanish | idle Erase Vanish  | conflict | conflict | -               | -
over held        | starting Launch | sleeping | conflict              | conflict              | idle Erase Vanish | idle Erase Vanish  | conflict | conflict | -               | -
`},
	{"plain", `
                 | deps met        | dep failed | slot granted    | ready   | unhealthy    | timed out       | began        | failed      | no resources
idle             | -               | -          | -               | -       | -            | -               | -            | -           | -
sleeping         | -               | -          | -               | -       | -            | -               | -            | -           | -
sleeping held    | -               | -          | -               | -       | -            | -               | -            | -           | -
waiting          | starting Launch | over Blame | -               | -       | -            | -               | -            | -           | -
waiting held     | -               | -          | -               | -       | -            | -               | -            | -           | -
queued           | -               | -          | starting Launch | -       | -            | starting Launch | -            | -           | -
queued held      | -               | -          | -               | -       | -            | -               | -            | -           | -
starting         | -               | -          | -               | -       | -            | -               | running      | over Settle | over Settle
starting again   | -               | -          | -               | -       | -            | -               | running      | over Settle | queued Forget
starting unasked | -               | -          | -               | -       | -            | -               | running      | over Settle | queued Forget
starting stopped | -               | -          | -               | -       | -            | -               | stopping Ask | over Settle | over Settle
starting dropped | -               | -          | -               | -       | -            | -               | stopping Ask | over Settle | over Forget
starting killed  | -               | -          | -               | -       | -            | -               | killing Kill | over Settle | over Settle
probing          | -               | -          | -               | running | -            | stopping Ask    | -            | -           | -
running          | -               | -          | -               | -       | stopping Ask | stopping Ask    | -            | -           | -
paused           | -               | -          | -               | -       | -            | -               | -            | -           | -
stopping         | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
stopping left    | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
stopping restart | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
stopping renew   | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
killing          | -               | -          | -               | -       | -            | stuck           | -            | -           | -
killing left     | -               | -          | -               | -       | -            | stuck           | -            | -           | -
stuck            | -               | -          | -               | -       | -            | -               | -            | -           | -
stuck left       | -               | -          | -               | -       | -            | -               | -            | -           | -
backoff          | -               | -          | -               | -       | -            | starting Launch | -            | -           | -
backoff held     | -               | -          | -               | -       | -            | -               | -            | -           | -
over             | -               | -          | -               | -       | -            | -               | -            | -           | -
over failed      | -               | -          | -               | -       | -            | -               | -            | -           | -
over held        | -               | -          | -               | -       | -            | -               | -            | -           | -
`},
	{"plain", `
                 | exited                       | exited 1                     | exited, left | gone
idle             | -                            | -                            | -            | -
sleeping         | -                            | -                            | -            | -
sleeping held    | -                            | -                            | -            | -
waiting          | -                            | -                            | -            | -
waiting held     | -                            | -                            | -            | -
queued           | -                            | -                            | -            | -
queued held      | -                            | -                            | -            | -
starting         | -                            | -                            | -            | -
starting again   | -                            | -                            | -            | -
starting unasked | -                            | -                            | -            | -
starting stopped | -                            | -                            | -            | -
starting dropped | -                            | -                            | -            | -
starting killed  | -                            | -                            | -            | -
probing          | over Settle                  | over Settle                  | stopping Ask | -
running          | over Settle                  | over Settle                  | stopping Ask | -
paused           | over Settle                  | over Settle                  | stopping Ask | -
stopping         | over Settle                  | over Settle                  | same         | -
stopping left    | -                            | -                            | -            | over Settle
stopping restart | starting Settle Launch       | starting Settle Launch       | same         | -
stopping renew   | starting Settle Renew Launch | starting Settle Renew Launch | same         | -
killing          | over Settle                  | over Settle                  | same         | -
killing left     | -                            | -                            | -            | over Settle
stuck            | over Settle                  | over Settle                  | same         | -
stuck left       | -                            | -                            | -            | over Settle
backoff          | -                            | -                            | -            | -
backoff held     | -                            | -                            | -            | -
over             | -                            | -                            | -            | -
over failed      | -                            | -                            | -            | -
over held        | -                            | -                            | -            | -
`},
	{"plain", `
                 | retry           | retry later
idle             | conflict        | conflict
sleeping         | conflict        | conflict
sleeping held    | conflict        | conflict
waiting          | conflict        | conflict
waiting held     | conflict        | conflict
queued           | conflict        | conflict
queued held      | conflict        | conflict
starting         | conflict        | conflict
starting again   | conflict        | conflict
starting unasked | conflict        | conflict
starting stopped | conflict        | conflict
starting dropped | conflict        | conflict
starting killed  | conflict        | conflict
probing          | conflict        | conflict
running          | conflict        | conflict
paused           | conflict        | conflict
stopping         | conflict        | conflict
stopping left    | conflict        | conflict
stopping restart | conflict        | conflict
stopping renew   | conflict        | conflict
killing          | conflict        | conflict
killing left     | conflict        | conflict
stuck            | conflict        | conflict
stuck left       | conflict        | conflict
backoff          | conflict        | conflict
backoff held     | conflict        | conflict
over             | conflict        | conflict
over failed      | starting Launch | sleeping
over held        | conflict        | conflict
`},
	{"after", `
                 | start    | restart         | go on           | sleep on | replace       | tick    | deps met        | timed out       | exited
idle             | waiting  | waiting         | conflict        | conflict | conflict      | -       | -               | -               | -
sleeping         | conflict | waiting         | conflict        | conflict | waiting Renew | waiting | -               | -               | -
sleeping held    | conflict | waiting         | starting Launch | same     | waiting Renew | -       | -               | -               | -
waiting          | conflict | -               | conflict        | conflict | same Renew    | -       | starting Launch | -               | -
queued           | conflict | starting Launch | conflict        | conflict | waiting Renew | -       | -               | starting Launch | -
stopping restart | conflict | -               | conflict        | conflict | same          | -       | -               | killing Kill    | starting Settle Launch
stopping renew   | conflict | -               | conflict        | conflict | -             | -       | -               | killing Kill    | waiting Settle Renew
backoff          | conflict | waiting         | conflict        | conflict | waiting Renew | -       | -               | starting Launch | -
over             | waiting  | waiting         | conflict        | conflict | conflict      | -       | -               | -               | -
over held        | waiting  | waiting         | starting Launch | sleeping | conflict      | -       | -               | -               | -
`},
	{"grouped", `
                 | start    | restart | go on    | sleep on | replace      | tick   | deps met | slot granted    | timed out    | exited
idle             | queued   | queued  | conflict | conflict | conflict     | -      | -        | -               | -            | -
sleeping         | conflict | queued  | conflict | conflict | queued Renew | queued | -        | -               | -            | -
sleeping held    | conflict | queued  | queued   | same     | queued Renew | -      | -        | -               | -            | -
waiting          | conflict | -       | conflict | conflict | queued Renew | -      | queued   | -               | -            | -
queued           | conflict | -       | conflict | conflict | same Renew   | -      | -        | starting Launch | -            | -
stopping restart | conflict | -       | conflict | conflict | same         | -      | -        | -               | killing Kill | starting Settle Launch
stopping renew   | conflict | -       | conflict | conflict | -            | -      | -        | -               | killing Kill | queued Settle Renew
backoff          | conflict | queued  | conflict | conflict | queued Renew | -      | -        | -               | queued       | -
over             | queued   | queued  | conflict | conflict | conflict     | -      | -        | -               | -            | -
over held        | queued   | queued  | queued   | sleeping | conflict     | -      | -        | -               | -            | -
`},
	{"grouped", `
                 | failed      | no resources
starting         | over Settle | queued Forget
starting again   | over Settle | queued Forget
starting stopped | over Settle | over Forget
starting unasked | over Settle | queued Forget
starting dropped | over Settle | over Forget
`},
	{"after grouped", `
              | start    | restart | go on    | tick    | deps met | dep failed | slot granted    | timed out
idle          | waiting  | waiting | conflict | -       | -        | -          | -               | -
sleeping      | conflict | waiting | conflict | waiting | -        | -          | -               | -
sleeping held | conflict | waiting | queued   | -       | -        | -          | -               | -
waiting       | conflict | -       | conflict | -       | queued   | over Blame | -               | -
queued        | conflict | -       | conflict | -       | -        | -          | starting Launch | -
backoff       | conflict | waiting | conflict | -       | -        | -          | -               | queued
over          | waiting  | waiting | conflict | -       | -        | -          | -               | -
`},
	{"ready", `
                 | began        | ready   | resume
idle             | -            | -       | conflict
starting         | probing      | -       | conflict
starting again   | probing      | -       | conflict
starting stopped | stopping Ask | -       | conflict
starting killed  | killing Kill | -       | conflict
probing          | -            | running | conflict
running          | -            | -       | -
paused           | -            | -       | running
over             | -            | -       | conflict`},
	{"leave", `
              | exited, left | gone
probing       | over Settle  | -
running       | over Settle  | -
paused        | over Settle  | -
stopping      | same         | -
stopping left | -            | over Settle
killing       | same         | -
stuck         | same         | -`},
	{"on-failure", `
                 | failed         | no resources   | exited      | exited 1       | gone
starting         | over Settle    | over Settle    | -           | -              | -
starting again   | over Settle    | queued Forget  | -           | -              | -
starting unasked | backoff Settle | queued Forget  | -           | -              | -
starting stopped | over Settle    | over Settle    | -           | -              | -
probing          | -              | -              | over Settle | backoff Settle | -
running          | -              | -              | over Settle | backoff Settle | -
paused           | -              | -              | over Settle | backoff Settle | -
stopping         | -              | -              | over Settle | over Settle    | -
stopping left    | -              | -              | -           | -              | backoff Settle
killing left     | -              | -              | -           | -              | backoff Settle
stuck left       | -              | -              | -           | -              | backoff Settle`},
	{"plain", `
                 | edit     | edit later
idle             | conflict | conflict
sleeping         | -        | -
sleeping held    | conflict | conflict
waiting          | -        | -
waiting held     | conflict | conflict
queued           | -        | -
queued held      | conflict | conflict
starting         | -        | -
starting again   | -        | -
starting unasked | -        | -
starting stopped | -        | -
starting dropped | -        | -
starting killed  | -        | -
probing          | -        | -
running          | -        | -
paused           | -        | -
stopping         | -        | -
stopping left    | -        | -
stopping restart | -        | -
stopping renew   | conflict | conflict
killing          | -        | -
killing left     | -        | -
stuck            | -        | -
stuck left       | -        | -
backoff          | over     | over
backoff held     | -        | -
over             | -        | -
over failed      | -        | -
over held        | -        | -
`},
	{"on-failure", `
                 | edit     | edit later
backoff          | -        | -
backoff held     | -        | -
`},
	{"plain", `
                 | disable  | enable
idle             | conflict | conflict
sleeping         | conflict | conflict
sleeping held    | conflict | conflict
waiting          | conflict | conflict
waiting held     | conflict | conflict
queued           | conflict | conflict
queued held      | conflict | conflict
starting         | conflict | conflict
starting again   | conflict | conflict
starting unasked | conflict | conflict
starting stopped | conflict | conflict
starting dropped | conflict | conflict
starting killed  | conflict | conflict
probing          | conflict | conflict
running          | conflict | conflict
paused           | conflict | conflict
stopping         | conflict | conflict
stopping left    | conflict | conflict
stopping restart | conflict | conflict
stopping renew   | conflict | conflict
killing          | conflict | conflict
killing left     | conflict | conflict
stuck            | conflict | conflict
stuck left       | conflict | conflict
backoff          | conflict | conflict
backoff held     | conflict | conflict
over             | conflict | conflict
over failed      | conflict | conflict
over held        | conflict | conflict
`},
	{"repeats", `
                 | disable  | enable
idle             | conflict | conflict
sleeping         | over     | -
sleeping held    | over     | -
waiting          | over     | -
waiting held     | over     | -
queued           | over     | -
queued held      | over     | -
starting         | same     | -
starting again   | same     | -
starting unasked | same     | -
starting stopped | same     | conflict
starting dropped | same     | conflict
starting killed  | same     | conflict
probing          | same     | -
running          | same     | -
paused           | same     | -
stopping         | same     | conflict
stopping left    | same     | -
stopping restart | same     | -
stopping renew   | conflict | conflict
killing          | same     | conflict
killing left     | same     | -
stuck            | same     | conflict
stuck left       | same     | -
backoff          | over     | -
backoff held     | over     | -
over             | same     | sleeping
over failed      | same     | sleeping
over held        | same     | -
`},
	{"repeats", `
                 | tick            | missed          | deps met        | dep failed     | failed      | exited                 | exited 1               | gone
idle             | -               | -               | -               | -              | -           | -                      | -                      | -
sleeping         | starting Launch | starting Launch | -               | -              | -           | -                      | -                      | -
sleeping held    | -               | -               | -               | -              | -           | -                      | -                      | -
waiting          | -               | -               | starting Launch | sleeping Blame | -           | -                      | -                      | -
waiting held     | -               | -               | -               | -              | -           | -                      | -                      | -
queued           | -               | -               | -               | -              | -           | -                      | -                      | -
starting         | -               | -               | -               | -              | over Settle | -                      | -                      | -
starting again   | -               | -               | -               | -              | over Settle | -                      | -                      | -
probing          | -               | -               | -               | -              | -           | sleeping Settle        | sleeping Settle        | -
running          | -               | -               | -               | -              | -           | sleeping Settle        | sleeping Settle        | -
paused           | -               | -               | -               | -              | -           | sleeping Settle        | sleeping Settle        | -
stopping         | -               | -               | -               | -              | -           | over Settle            | over Settle            | -
stopping left    | -               | -               | -               | -              | -           | -                      | -                      | sleeping Settle
stopping restart | -               | -               | -               | -              | -           | starting Settle Launch | starting Settle Launch | -
killing left     | -               | -               | -               | -              | -           | -                      | -                      | sleeping Settle
stuck left       | -               | -               | -               | -              | -           | -                      | -                      | sleeping Settle
backoff          | starting Launch | starting Launch | -               | -              | -           | -                      | -                      | -
over             | -               | -               | -               | -              | -           | -                      | -                      | -`},
	{"repeats on-failure", `
         | tick            | exited          | exited 1       | timed out
running  | -               | sleeping Settle | backoff Settle | stopping Ask
stopping | -               | over Settle     | over Settle    | killing Kill
backoff  | starting Launch | -               | -              | starting Launch`},
	{"repeats after grouped", `
         | tick    | deps met | dep failed     | slot granted    | timed out
sleeping | waiting | -        | -              | -               | -
waiting  | -       | queued   | sleeping Blame | -               | -
queued   | -       | -        | -              | starting Launch | -
backoff  | waiting | -        | -              | -               | queued`},
}
