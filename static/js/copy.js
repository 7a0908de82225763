// Puts a copy button beside every number that offers one; without this script the number can still be selected at a touch.
for (const number of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-2 btn-s";
  button.textContent = number.dataset.label;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(number.dataset.copy);
    button.textContent = number.dataset.done;
  });
  number.after(button);
}
