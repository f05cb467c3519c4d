import { render } from 'preact';
import './styles/base.css';
import './styles/parts.css';
import './styles/pages.css';
import { App } from './app.tsx';
import { LiveData } from './live.tsx';

const place = document.getElementById('app');
if (place !== null) {
  place.textContent = '';
  render(
    <LiveData>
      <App />
    </LiveData>,
    place,
  );
}
