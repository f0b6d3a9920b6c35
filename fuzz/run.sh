#!/usr/bin/env bash
# Runs every fuzz target, one after the other, for so many seconds each: fuzz/run.sh [seconds], 600 unless told.
# It begins with the fixtures and goes on from the corpus of earlier runs; a finding stops it and lies in fuzz/artifacts/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
seconds=${1:-600}
# Instrumentation is not stable, and needs no other compiler.
export RUSTC_BOOTSTRAP=1
fixtures=../tests/fixtures

seeds() {
  case $1 in
    ups_webhook) echo "$fixtures/ups/webhook" "$fixtures/hostile/ups" ;;
    netsuite_webhook) echo "$fixtures/hostile/netsuite" ;;
    ups_answers) for folder in "$fixtures"/ups/*/; do echo "$folder"; done ;;
    fedex_webhook) echo "$fixtures/fedex/track-webhook" "$fixtures/hostile/fedex" ;;
    fedex_answers) for folder in "$fixtures"/fedex/*/ "$fixtures/hostile/fedex"; do echo "$folder"; done ;;
    shipstation_webhook) echo "$fixtures/shipstation/webhook" "$fixtures/hostile/shipstation" ;;
    shipstation_answers) for folder in "$fixtures"/shipstation/*/ "$fixtures/hostile/shipstation"; do echo "$folder"; done ;;
    netsuite_answers) echo "$fixtures/netsuite/read" "$fixtures/netsuite/errors" "$fixtures/netsuite/write" ;;
    connection_file) echo ../examples/connections ;;
  esac
}

for target in $(cargo fuzz list); do
  mkdir -p "corpus/$target"
  # shellcheck disable=SC2046
  cargo fuzz run "$target" "corpus/$target" $(seeds "$target") -- \
    -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 -print_final_stats=1
done
