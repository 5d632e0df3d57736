"use strict";

const minimum = 15; // characters, as the server counts them
const patience = 30_000; // milliseconds

const element = (id) => document.getElementById(id);

// The token stands behind the #, which no browser sends to a server or tells another page. It leaves the address at
// once, so that it stays in no history.
const token = readToken();
history.replaceState(null, "", location.pathname);

if (token === "") {
  show("incomplete");
} else {
  element("show").addEventListener("change", (event) => {
    for (const id of ["password", "again"]) {
      element(id).type = event.target.checked ? "text" : "password";
    }
  });
  element("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  element("submit").disabled = false;
}

// readToken takes both #token=TOKEN and #TOKEN.
function readToken() {
  const raw = location.hash.slice(1);
  return new URLSearchParams(raw).get("token") ?? raw;
}

async function submit() {
  say("problem", "");
  const password = element("password").value;
  say("password", [...password].length < minimum ? `Expected at least ${minimum} characters.` : "");
  say("again", element("again").value !== password ? "This is not the same." : "");
  const wrong = document.querySelector("[aria-invalid='true']");
  if (wrong) {
    wrong.focus();
    return;
  }

  const button = element("submit");
  button.disabled = true;
  try {
    const response = await fetch("/auth/password-reset/confirm", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json, application/problem+json" },
      body: JSON.stringify({ token, password }),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(patience),
    });
    if (response.ok) {
      show("done");
    } else {
      explain(response, await response.json().catch(() => ({})));
    }
  } catch {
    say("problem", "The server could not be reached. Your password is probably unchanged: try again in a moment.");
  }
  button.disabled = false;
}

// explain says what a problem (RFC 9457) tells: what is wrong with the password at its field, the rest above.
function explain(response, problem) {
  const errors = Array.isArray(problem.errors) ? problem.errors : [];
  const ofPassword = errors.filter((e) => e.location === "body.password").map((e) => sentence(e.message));
  const others = errors.filter((e) => e.location !== "body.password").map((e) => sentence(e.message));
  if (ofPassword.length > 0) {
    say("password", ofPassword.join(" "));
  }
  if (ofPassword.length === 0 || others.length > 0) {
    const detail = sentence(problem.detail ?? problem.title ?? `The server answered ${response.status}.`);
    say("problem", [detail, ...others, retry(response)].filter(Boolean).join(" "));
  } else {
    element("password").focus();
  }
}

// retry says when to try again, where the server does.
function retry(response) {
  const seconds = Number(response.headers.get("Retry-After"));
  if (!(seconds > 0)) {
    return "";
  }
  return seconds < 120 ? `Try again in ${seconds} s.` : `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}

function sentence(value) {
  const text = String(value ?? "").trim();
  if (text === "") {
    return "";
  }
  const capital = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : capital + ".";
}

// say puts text at a field, or above the form; an empty one takes it away.
function say(id, text) {
  const place = id === "problem" ? element("problem") : element(id + "-problem");
  place.textContent = text;
  place.hidden = text === "";
  if (id !== "problem") {
    element(id).setAttribute("aria-invalid", String(text !== ""));
  } else if (text !== "") {
    place.focus();
  }
}

function show(id) {
  for (const section of document.querySelectorAll("section")) {
    section.hidden = section.id !== id;
  }
  element(id + "-title").focus();
}
