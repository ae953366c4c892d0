# What completion offers for the last word of a command line.
# shellcheck source=/dev/null
source <(carve completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_carve
echo "${COMPREPLY[@]}"
