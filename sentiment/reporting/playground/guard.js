// Runs before everything else, in any browser: says so if the page could not start.
(function () {
  "use strict";
  var reason = "";
  document.documentElement.className = "scripted";
  window.addEventListener("error", function (event) {
    reason = reason || event.message;
  });
  window.addEventListener("load", function () {
    var place = document.getElementById("failure");
    if (document.documentElement.className.indexOf("ready") >= 0) return;
    place.hidden = false;
    place.textContent =
      "This page could not start. It needs a browser from 2022 on: Chrome or Edge 94, Firefox 93, Safari 16. " +
      (reason ? "The browser says: " + reason : "");
  });
})();
