#!/usr/bin/env bash
# Builds the function and the program for AWS, and puts them in a bucket:
#
#     pipeline/package.sh --bucket BUCKET [--prefix PREFIX] [--arch arm64|x86_64]
#
# It prints the parameters of pipeline/template.yaml that name them. Without --bucket it only builds.
# Needs cargo, and `cargo lambda`, which brings its own C compiler: pip install cargo-lambda
set -euo pipefail

fail() {
    echo "package.sh: $*" >&2
    exit 1
}

bucket=""
prefix="cutover"
arch="arm64"
while [ $# -gt 0 ]; do
    option="$1"
    case "$option" in
        --bucket | --prefix | --arch)
            [ $# -ge 2 ] || fail "$option needs a value"
            case "$option" in
                --bucket) bucket="$2" ;;
                --prefix) prefix="${2%/}" ;;
                --arch) arch="$2" ;;
            esac
            shift 2
            ;;
        *) fail "$option is not known; usage: pipeline/package.sh --bucket BUCKET [--prefix PREFIX] [--arch arm64|x86_64]" ;;
    esac
done
case "$arch" in
    arm64) build=(--arm64) ;;
    x86_64) build=(--x86-64) ;;
    *) fail "--arch is arm64 or x86_64, not $arch" ;;
esac

cd "$(dirname "$0")/.."
command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
cargo lambda --version >/dev/null 2>&1 || fail "cargo lambda is missing: pip install cargo-lambda"
command -v python3 >/dev/null || fail "python3 is missing; it makes the zip"

# The local cloud is of no use there.
out="target/lambda"
# Only the parameters go to the standard output.
cargo lambda build --profile lambda --locked --no-default-features --bin bootstrap --bin cutover --lambda-dir "$out" "${build[@]}" >&2

function_zip="$out/function.zip"
# The time in the zip is fixed, so that the same program gives the same bytes, and the same key.
python3 - "$out/bootstrap/bootstrap" "$function_zip" <<'PYTHON'
import sys
import zipfile

program, out = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
entry.external_attr = 0o100755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
with zipfile.ZipFile(out, "w") as archive, open(program, "rb") as file:
    archive.writestr(entry, file.read())
PYTHON
# cargo lambda calls every program bootstrap.
program="$out/cutover/bootstrap"

digest() {
    python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])' "$1"
}

function_key="$prefix/function-$(digest "$function_zip").zip"
program_key="$prefix/cutover-$(digest "$program")"
if [ -n "$bucket" ]; then
    command -v aws >/dev/null || fail "the AWS CLI is missing; it puts the files in s3://$bucket"
    aws s3 cp --no-progress --only-show-errors "$function_zip" "s3://$bucket/$function_key"
    aws s3 cp --no-progress --only-show-errors "$program" "s3://$bucket/$program_key"
    echo "CodeBucket=$bucket FunctionKey=$function_key ProgramKey=$program_key Architecture=$arch"
else
    echo "built $function_zip and $program; nothing was uploaded, as no --bucket was given" >&2
fi
