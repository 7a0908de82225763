// Looks again after the seconds that its own tag names; without this script the page's <noscript> does the same.
const seconds = Number(document.currentScript.dataset.seconds);
setTimeout(() => location.reload(), seconds * 1000);
